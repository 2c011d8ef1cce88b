//! Grammars and where sequences are in them.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use crate::ffi::{into_text, slice_of, HbText};
use crate::grammar::{Cause, Failure, Grammar, Kind, State, Vocabulary};

#[repr(C)]
pub struct HbGrammarReply {
    outcome: u32, // as halfbyte_rust.h numbers them
    text: HbText,
}

pub struct HbVocabulary(Arc<Vocabulary>);
pub struct HbGrammar(Grammar);
pub struct HbGrammarState(State);

fn reply(result: Result<(), Failure>) -> HbGrammarReply {
    let (outcome, text) = match result {
        Ok(()) => (0, String::new()),
        Err(failure) => {
            let outcome = match failure.cause {
                Cause::Invalid => 1,
                Cause::Unsupported => 2,
                Cause::TooLarge => 3,
                Cause::Internal => 4,
            };
            (outcome, failure.message)
        }
    };
    HbGrammarReply { outcome, text: into_text(text) }
}

fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Failure::new(Cause::Internal, "the grammar engine failed")))
}

/// Gives `value` out behind `out`, or null there.
unsafe fn give<T>(result: Result<T, Failure>, out: *mut *mut T) -> HbGrammarReply {
    match result {
        Ok(value) => {
            *out = Box::into_raw(Box::new(value));
            reply(Ok(()))
        }
        Err(failure) => {
            *out = std::ptr::null_mut();
            reply(Err(failure))
        }
    }
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_vocabulary_open(
    bytes: *const u8,
    ends: *const u32,
    is_special: *const bool,
    count: usize,
    end_tokens: *const u32,
    end_count: usize,
    out: *mut *mut HbVocabulary,
) -> HbGrammarReply {
    let result = guarded(|| {
        let ends = slice_of(ends, count);
        let special = slice_of(is_special, count);
        let bytes = slice_of(bytes, ends.last().map_or(0, |end| *end as usize));
        let begins = std::iter::once(0).chain(ends.iter().map(|end| *end as usize));
        let tokens = begins.zip(ends).zip(special).map(|((begin, end), special)| (&bytes[begin..*end as usize], *special));
        let vocabulary = Vocabulary::new(tokens, slice_of(end_tokens, end_count)).map_err(|error| Failure::new(Cause::Internal, error.to_string()))?;
        Ok(HbVocabulary(Arc::new(vocabulary)))
    });
    give(result, out)
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_vocabulary_free(vocabulary: *mut HbVocabulary) {
    free(vocabulary);
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_grammar_compile(
    vocabulary: *const HbVocabulary,
    kind: u32,
    source: *const u8,
    size: usize,
    out: *mut *mut HbGrammar,
) -> HbGrammarReply {
    let result = guarded(|| {
        let kind = Kind::of(kind).ok_or_else(|| Failure::new(Cause::Internal, "no such kind of grammar"))?;
        let source = match std::str::from_utf8(slice_of(source, size)) {
            Ok(source) => source.to_string(),
            Err(error) => return Err(Failure::new(Cause::Invalid, format!("byte {} is not UTF-8", error.valid_up_to()))),
        };
        Grammar::compile(&(*vocabulary).0, kind, source).map(HbGrammar)
    });
    give(result, out)
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_grammar_free(grammar: *mut HbGrammar) {
    free(grammar);
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_grammar_begin(grammar: *const HbGrammar, out: *mut *mut HbGrammarState) -> HbGrammarReply {
    give(guarded(|| Ok(HbGrammarState((*grammar).0.begin()))), out)
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_grammar_state_free(state: *mut HbGrammarState) {
    free(state);
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_grammar_mask(state: *mut HbGrammarState, words: *mut u32, count: usize) -> HbGrammarReply {
    reply(guarded(|| {
        let words = if count == 0 { &mut [] } else { std::slice::from_raw_parts_mut(words, count) };
        (*state).0.mask(words)
    }))
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_grammar_accept(state: *mut HbGrammarState, token: u32, accepted: *mut bool) -> HbGrammarReply {
    reply(guarded(|| {
        *accepted = (*state).0.accept(token)?;
        Ok(())
    }))
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_grammar_rewind(state: *mut HbGrammarState, count: usize) -> HbGrammarReply {
    reply(guarded(|| (*state).0.rewind(count)))
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_grammar_may_end(state: *mut HbGrammarState, may_end: *mut bool, is_complete: *mut bool) -> HbGrammarReply {
    reply(guarded(|| {
        *may_end = (*state).0.may_end()?;
        *is_complete = (*state).0.is_complete();
        Ok(())
    }))
}

unsafe fn free<T>(owned: *mut T) {
    if !owned.is_null() {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(Box::from_raw(owned))));
    }
}
