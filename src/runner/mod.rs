//! What stands between a CI and the contract: the CI's own words in, a job as Travis CI would describe it out.
//! Never judges a condition, never asks AWS.

pub mod ci;
