//! Which layers of a model share an input, and where the scales of that input can go: data, not code.
//!
//! A description is JSON; those of known architectures lie beside this file, and a user can supply one:
//!
//! ```json
//! {
//!   "name": "mine",
//!   "model_types": ["mine"],
//!   "blocks": ["model.layers"],
//!   "groups": [
//!     {"layers": ["attn.q", "attn.k", "attn.v"], "fold_into": {"norm": "norm1"}},
//!     {"layers": ["attn.out"], "fold_into": {"linear": "attn.v", "rows": "heads"}},
//!     {"layers": ["mlp.gate", "mlp.up"], "fold_into": {"norm": "norm2", "offset": 1},
//!      "loss_of": {"down": "mlp.down", "activation": "silu"}},
//!     {"layers": ["mlp.down"], "fold_into": {"linear": "mlp.up"}}
//!   ],
//!   "unclipped": ["q", "k"]
//! }
//! ```
//!
//! `blocks` are what stands before a block's number; all other names follow it. A group names **every** layer that reads
//! the input, in the order in which they are to be treated. Without `fold_into` a group is not scaled: its producer
//! feeds something else too (as the norms of BERT feed the residual), or a function between them is not linear.

mod config;
mod description;
mod resolve;

pub(super) use description::Activation;
pub use description::Architecture;
pub(super) use resolve::{Group, Layer, Producer, resolve};
