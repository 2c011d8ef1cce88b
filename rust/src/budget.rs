//! Runs foreign code (a template from a model file) with a bound on memory, stack and time.
//!
//! The template engine counts its instructions but not what one of them may allocate: `x ~ x` thirty times is a
//! gigabyte. Rust cannot unwind out of an allocator, and a failed allocation ends the process. So the work runs on a
//! thread of its own, and an allocation beyond the budget stops that thread for ever; its caller sees an error. What is
//! lost, at most the budget, is lost once: the caller must not run the same work again (see `Outcome::Exceeded`).

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Bytes held at one time. A template may hold its messages a few times over.
const LIVE_BYTES: usize = 64 << 20;
/// Bytes allocated in all: bounds the time spent copying strings.
const TOTAL_BYTES: usize = 2 << 30;
/// Nested lists are dropped, compared and printed by recursion, up to some 100 bytes of live memory a level. Only what
/// is touched takes real memory.
const STACK_BYTES: usize = 1 << 30;
/// Far above any real template (microseconds), far below what a person waits for.
const DEADLINE: Duration = Duration::from_secs(10);

const RUNNING: u8 = 0;
const DONE: u8 = 1;
const EXCEEDED: u8 = 2;

pub enum Outcome<T> {
    Done(T),
    /// The work panicked: a bug in the engine.
    Panicked,
    /// Memory or time ran out. Never run the same work again.
    Exceeded,
    /// The system gave no thread; nothing ran.
    NoThread,
}

struct Job {
    state: AtomicU8,
    caller: Thread,
}

#[derive(Clone, Copy)]
struct Account {
    job: *const Job,
    live: usize,
    total: usize,
}

thread_local! {
    // Const and without a destructor, so that the allocator may use it at any time of a thread's life.
    static ACCOUNT: Cell<Option<Account>> = const { Cell::new(None) };
}

pub struct Allocator;

/// Books `grown` bytes more and `freed` bytes less on the running job, if this thread has one.
fn book(grown: usize, freed: usize) {
    let _ = ACCOUNT.try_with(|cell| {
        let Some(mut account) = cell.get() else { return };
        account.live = account.live.saturating_add(grown).saturating_sub(freed);
        account.total = account.total.saturating_add(grown);
        cell.set(Some(account));
        if account.live <= LIVE_BYTES && account.total <= TOTAL_BYTES {
            return;
        }
        cell.set(None);
        // SAFETY: `run` leaks the job's Arc into this thread, so it outlives it.
        let job = unsafe { &*account.job };
        job.state.store(EXCEEDED, Ordering::Release);
        job.caller.unpark();
        loop {
            thread::park();
        }
    });
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        book(layout.size(), 0);
        System.alloc(layout)
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        book(layout.size(), 0);
        System.alloc_zeroed(layout)
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        book(0, layout.size());
        System.dealloc(memory, layout)
    }
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        book(size, layout.size());
        System.realloc(memory, layout, size)
    }
}

/// Runs `work` within the budget and waits for it.
pub fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Outcome<T> {
    let job = Arc::new(Job { state: AtomicU8::new(RUNNING), caller: thread::current() });
    let result: Arc<Mutex<Option<T>>> = Arc::new(Mutex::new(None));
    let (its_job, its_result) = (Arc::clone(&job), Arc::clone(&result));
    let spawned = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let pointer = Arc::as_ptr(&its_job);
        ACCOUNT.with(|cell| cell.set(Some(Account { job: pointer, live: 0, total: 0 })));
        let value = catch_unwind(AssertUnwindSafe(work)).ok();
        ACCOUNT.with(|cell| cell.set(None));
        if let Ok(mut slot) = its_result.lock() {
            *slot = value;
        }
        its_job.state.store(DONE, Ordering::Release);
        its_job.caller.unpark();
    });
    let Ok(thread) = spawned else { return Outcome::NoThread };
    let deadline = Instant::now() + DEADLINE;
    loop {
        match job.state.load(Ordering::Acquire) {
            DONE => {
                let _ = thread.join();
                let value = result.lock().ok().and_then(|mut slot| slot.take());
                return value.map_or(Outcome::Panicked, Outcome::Done);
            }
            EXCEEDED => return Outcome::Exceeded,
            _ => {}
        }
        let now = Instant::now();
        if now >= deadline {
            return Outcome::Exceeded;
        }
        thread::park_timeout(deadline - now);
    }
}
