//! Integrations as data: load, check, describe; plan a request, read a page, recognise an error.
