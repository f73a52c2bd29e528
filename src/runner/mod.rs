//! The standalone mode: reads stanzas from a file, runs this program once for each, and forwards its events or prints them as text.
//! Never deploys anything itself, and adds no facts to the events of a run.
//!
//! In this mode the program is its own CI runner. It uses the same request and events as every other CI runner.

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
