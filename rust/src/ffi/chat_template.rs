//! Chat templates.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use crate::budget::{self, Lost, Outcome};
use crate::chat_template::{ChatTemplate, Failure};
use crate::ffi::{into_text, slice_of, HbText};

#[repr(C)]
pub struct HbTemplateReply {
    ok: bool,
    line: u32,
    text: HbText,
}

/// Renders of one template that may be left behind before it is refused. A render that runs out of memory or time fails
/// alone and gives back what it took, nearly always; each that cannot be ended keeps at most 128 MiB.
const MAX_LOST: usize = 4;

pub struct HbTemplate {
    template: Arc<ChatTemplate>,
    lost: Lost,
}

fn reply(result: Result<String, Failure>) -> HbTemplateReply {
    match result {
        Ok(text) => HbTemplateReply { ok: true, line: 0, text: into_text(text) },
        Err(failure) => HbTemplateReply { ok: false, line: failure.line, text: into_text(failure.message) },
    }
}

fn failure(message: &str) -> Failure {
    Failure { line: 0, message: message.to_string() }
}

fn flatten<T>(outcome: Outcome<Result<T, Failure>>) -> Result<T, Failure> {
    match outcome {
        Outcome::Done(result) => result,
        Outcome::Panicked => Err(failure("the template engine failed")),
        Outcome::Exceeded => Err(failure("needs too much memory or time")),
        Outcome::NoThread => Err(failure("the system has no thread left to run it")),
    }
}

/// SAFETY: `bytes` points to `size` readable bytes.
unsafe fn owned_text(bytes: *const u8, size: usize) -> Result<String, Failure> {
    let bytes = slice_of(bytes, size);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_string()),
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count();
            Err(Failure { line: line as u32, message: "not valid UTF-8".to_string() })
        }
    }
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_template_compile(source: *const u8, size: usize, out: *mut *mut HbTemplate) -> HbTemplateReply {
    let work = || -> Result<HbTemplate, Failure> {
        let source = owned_text(source, size)?;
        let template = flatten(budget::run(&Lost::default(), move || ChatTemplate::compile(&source)))?;
        Ok(HbTemplate { template: Arc::new(template), lost: Lost::default() })
    };
    match catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(failure("the template engine failed"))) {
        Ok(template) => {
            *out = Box::into_raw(Box::new(template));
            reply(Ok(String::new()))
        }
        Err(error) => {
            *out = std::ptr::null_mut();
            reply(Err(error))
        }
    }
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_template_render(
    template: *const HbTemplate,
    variables: *const u8,
    size: usize,
    local_seconds: i64,
) -> HbTemplateReply {
    let work = || -> Result<String, Failure> {
        let variables = owned_text(variables, size).map_err(|_| failure("the messages are not valid UTF-8"))?;
        let shared = &*template;
        if shared.lost.count() >= MAX_LOST {
            return Err(failure(&format!("{MAX_LOST} of its renders needed too much memory or time and could not be ended")));
        }
        let its_template = Arc::clone(&shared.template);
        flatten(budget::run(&shared.lost, move || its_template.render(&variables, local_seconds)))
    };
    reply(catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(failure("the template engine failed"))))
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_template_free(template: *mut HbTemplate) {
    if !template.is_null() {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(Box::from_raw(template))));
    }
}
