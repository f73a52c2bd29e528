//! x
pub mod conditions;
pub mod function;
pub mod journal;
pub mod package;
pub mod plan;
pub mod protocol;
pub mod stop;
