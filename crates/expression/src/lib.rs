//! JSONata expressions and {{placeholder}} templates: compiled once, bounded in time and depth.
