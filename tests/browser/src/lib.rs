//! Tests alone: see `tests/pictures`.
