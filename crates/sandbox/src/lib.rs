//! A winery that behaves as Commerce7 does, for tests, demos and load.
