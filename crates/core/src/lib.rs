//! The words that everyone shares: secrets, ids, money, faults.
