//! Tests of the dialect as a whole; names carry the numbers of wire cases and faults.
