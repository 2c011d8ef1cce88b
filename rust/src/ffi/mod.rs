//! The C entries of halfbyte_rust.h. Each catches panics; each pointer's rules are in the header.

mod chat_template;
mod grammar;

/// Text that the caller gives back with hb_text_free.
#[repr(C)]
pub struct HbText {
    bytes: *mut u8,
    size: usize,
}

fn into_text(text: String) -> HbText {
    let bytes = Box::leak(text.into_bytes().into_boxed_slice());
    HbText { bytes: bytes.as_mut_ptr(), size: bytes.len() }
}

/// SAFETY: `bytes` points to `size` readable bytes.
unsafe fn slice_of<'a, T>(items: *const T, size: usize) -> &'a [T] {
    if size == 0 {
        return &[];
    }
    std::slice::from_raw_parts(items, size)
}

/// # Safety
/// As halfbyte_rust.h says.
#[no_mangle]
pub unsafe extern "C" fn hb_text_free(text: HbText) {
    if !text.bytes.is_null() {
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(text.bytes, text.size)));
    }
}
