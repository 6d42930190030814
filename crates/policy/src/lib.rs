//! Pure decisions: which target, which retry, when. Time and chance are arguments.
