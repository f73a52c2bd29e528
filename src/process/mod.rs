//! What belongs to the process alone: its arguments, their manual, its signals.

pub(crate) mod arguments;
pub(crate) mod by_hand;
pub(crate) mod documents;
pub(crate) mod manual;
pub(crate) mod signals;
