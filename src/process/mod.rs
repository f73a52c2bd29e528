//! What belongs to the process alone: its arguments, their manual, its signals, how it finds hosts.

pub(crate) mod arguments;
pub(crate) mod by_hand;
pub(crate) mod documents;
pub(crate) mod manual;
pub(crate) mod names;
pub(crate) mod signals;
