//! Plans for GPUs: pure functions of numbers, for every capability and without a GPU.

mod choice;
mod cuts;
mod refusals;
mod support;
mod text;
mod tuning;
