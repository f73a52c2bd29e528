//! A file with stanzas in, a run of this same program for each of them out, line by line, or as a picture for people. By hand
//! the program is a runner, and speaks to itself as every other runner does.
//! Never deploys anything itself, and adds nothing to what a run says.

pub mod ci;
mod errand;
mod marks;
mod order;
mod refusal;
mod relay;
mod secure;
pub mod surroundings;
pub mod terminal;
pub mod travis_yml;
pub mod variables;
pub mod yaml;

pub use errand::{Audience, Errand, hello, print, run};
pub use order::{Order, Source, prepare};
pub use refusal::Refusal;
pub use relay::Relay;
