//! The tokens of a model as llguidance sees them: a tree of their bytes.

use std::sync::Arc;

use anyhow::Result;
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie, TokenId, INVALID_TOKEN};
use llguidance::ParserFactory;

use super::limits;

/// The tree takes tokens of at most 1024 bytes, one of which is the mark of special ones.
const MAX_TOKEN_BYTES: usize = 1000;

pub struct Vocabulary {
    pub(super) factory: ParserFactory,
}

impl Vocabulary {
    pub fn size(&self) -> u32 {
        self.factory.tok_env().tok_trie().vocab_size() as u32
    }

    /// `tokens`: the bytes of each, by id. Empty ones are never allowed. `special`: theirs are no bytes of a text but a name, which
    /// Lark grammars may ask for (`<|im_end|>`). `ends`: what ends a reply.
    pub fn new<'a>(tokens: impl Iterator<Item = (&'a [u8], bool)>, ends: &[TokenId]) -> Result<Vocabulary> {
        let words: Vec<Vec<u8>> = tokens
            .map(|(bytes, special)| match bytes.first() {
                None | Some(&TokTrie::SPECIAL_TOKEN_MARKER) => Vec::new(), // no UTF-8 begins with that byte
                Some(_) if bytes.len() > MAX_TOKEN_BYTES => Vec::new(),
                Some(_) if special => [&[TokTrie::SPECIAL_TOKEN_MARKER], bytes].concat(),
                Some(_) => bytes.to_vec(),
            })
            .collect();
        let info = TokRxInfo::new(words.len() as u32, ends.first().copied().unwrap_or(INVALID_TOKEN));
        let mut trie = TokTrie::from(&info, &words);
        if !ends.is_empty() {
            trie = trie.with_eos_tokens(ends);
        }
        // Not canonical: bytes that the grammar forces are spelled as the model likes, and a mask depends on what was said alone.
        let environment: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let mut factory = ParserFactory::new(&environment, InferenceCapabilities::default(), &SlicedBiasComputer::json_slices())?;
        factory.quiet();
        *factory.limits_mut() = limits();
        Ok(Vocabulary { factory })
    }
}
