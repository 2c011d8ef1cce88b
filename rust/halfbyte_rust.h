// C header of the crate halfbyte_rust: chat templates (minijinja), bounded in steps, memory, output and time.
// All functions are thread-safe and never unwind. Strings are UTF-8 with a length, not zero-terminated.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hb_text {  // give back with hb_text_free
  char* bytes;
  size_t size;
} hb_text;

typedef struct hb_template_reply {
  bool ok;
  uint32_t line;  // of the template, from 1; 0: the failure has no line
  hb_text text;   // ok: the rendered text; else what is wrong
} hb_template_reply;

typedef struct hb_template hb_template;

// On success *out is a template to be given back with hb_template_free, else null.
hb_template_reply hb_template_compile(const char* source, size_t size, hb_template** out);
// `variables`: a JSON object. `local_seconds`: seconds since 1970-01-01 00:00 on the local clock, for strftime_now.
hb_template_reply hb_template_render(const hb_template* compiled, const char* variables, size_t size, int64_t local_seconds);
void hb_template_free(hb_template* compiled);  // null is fine
void hb_text_free(hb_text text);

#ifdef __cplusplus
}
#endif
