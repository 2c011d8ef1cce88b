// C header of the crate halfbyte_rust: chat templates (minijinja) and grammars (llguidance), bounded in steps, memory, output and time.
// All functions are thread-safe and never unwind; an hb_grammar_state is for one thread at a time. Strings are UTF-8 with a length, not zero-terminated.
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

typedef enum hb_grammar_outcome {
  HB_GRAMMAR_OK,
  HB_GRAMMAR_INVALID,      // not a grammar of its kind
  HB_GRAMMAR_UNSUPPORTED,  // a grammar, and what it asks for is not done here
  HB_GRAMMAR_TOO_LARGE,    // larger, or more work, than is taken
  HB_GRAMMAR_INTERNAL,     // a bug
} hb_grammar_outcome;

typedef struct hb_grammar_reply {
  uint32_t outcome;  // an hb_grammar_outcome
  hb_text text;      // what is wrong; empty: nothing
} hb_grammar_reply;

typedef enum hb_grammar_kind {
  HB_GRAMMAR_JSON_OBJECT,  // any JSON object; no source
  HB_GRAMMAR_JSON_SCHEMA,
  HB_GRAMMAR_REGEX,
  HB_GRAMMAR_CHOICE,  // one of the strings in a JSON array
  HB_GRAMMAR_LARK,    // as llguidance has it
  HB_GRAMMAR_GBNF,
} hb_grammar_kind;

typedef struct hb_vocabulary hb_vocabulary;
typedef struct hb_grammar hb_grammar;
typedef struct hb_grammar_state hb_grammar_state;

// Of each *out: to be given back with the function that has its name, null when the outcome is not HB_GRAMMAR_OK.
// Token i has the bytes from ends[i - 1] (0 for the first) to ends[i]; none: it never follows. Those of special tokens are a name.
hb_grammar_reply hb_vocabulary_open(const char* bytes, const uint32_t* ends, const bool* is_special, size_t count,
                                    const uint32_t* end_tokens, size_t end_count, hb_vocabulary** out);
void hb_vocabulary_free(hb_vocabulary* vocabulary);  // null is fine; grammars of it go on
hb_grammar_reply hb_grammar_compile(const hb_vocabulary* vocabulary, uint32_t kind, const char* source, size_t size, hb_grammar** out);
void hb_grammar_free(hb_grammar* grammar);  // null is fine; states of it go on
hb_grammar_reply hb_grammar_begin(const hb_grammar* grammar, hb_grammar_state** out);
void hb_grammar_state_free(hb_grammar_state* state);  // null is fine
// Sets bit i % 32 of words[i / 32] where token i may follow, those that end a reply too. None: nothing may follow. After an outcome
// that is not HB_GRAMMAR_OK a state answers with the same one, whatever it is asked.
hb_grammar_reply hb_grammar_mask(hb_grammar_state* state, uint32_t* words, size_t count);
hb_grammar_reply hb_grammar_accept(hb_grammar_state* state, uint32_t token, bool* accepted);  // false: may not follow; nothing has changed
hb_grammar_reply hb_grammar_rewind(hb_grammar_state* state, size_t count);                    // takes back the last accepted tokens
hb_grammar_reply hb_grammar_may_end(hb_grammar_state* state, bool* may_end, bool* is_complete);  // complete: nothing may follow

#ifdef __cplusplus
}
#endif
