//! Reading checkpoints: golden models, every dialect's config, broken files, fused layers, tensor parallelism.

mod broken;
mod decisions;
mod dialects;
mod files;
mod fuzz;
mod marlin;
mod models;
mod splits;
mod support;
