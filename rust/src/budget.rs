//! Runs foreign code (a template from a model file) with a bound on memory, stack and time.
//!
//! The template engine counts its instructions but not what one of them may allocate: `x ~ x` thirty times is a
//! gigabyte. So the work runs on a thread of its own whose allocations are counted. Past its bounds, or when its caller
//! has waited long enough, `check` fails, which every operator, filter, function and printed value asks: the work ends
//! as any error does and gives its memory back. Nothing is left behind and the next render starts afresh.
//!
//! What never asks (a parser, a literal copied a thousand times) meets a wall behind that bound. Rust cannot unwind out
//! of an allocator, and a failed allocation ends the process; so the thread stops there for ever, and what it holds is
//! lost. `Lost` counts these; who runs the same work again decides how many it bears.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Bytes held at one time. A template may hold its messages a few times over.
const LIVE_BYTES: usize = 64 << 20;
/// Bytes allocated in all: bounds the time spent copying strings.
const TOTAL_BYTES: usize = 2 << 30;
/// The wall: past it a thread is stopped where it stands.
const WALL: usize = 2;
/// Nested lists are dropped, compared and printed by recursion, up to some 100 bytes of live memory a level. Only what
/// is touched takes real memory.
const STACK_BYTES: usize = 1 << 30;
/// Far above any real template (microseconds), far below what a person waits for.
const DEADLINE: Duration = Duration::from_secs(10);
/// What a thread that was told to end may take until it asks.
const GRACE: Duration = Duration::from_secs(1);

const RUNNING: u8 = 0;
const DONE: u8 = 1;
const WALLED: u8 = 2;
const LEFT: u8 = 3; // by its caller, while it runs on

pub enum Outcome<T> {
    Done(T),
    /// The work panicked: a bug in the engine.
    Panicked,
    /// Memory or time ran out and the work did not end by itself: it counts as lost, until it ends after all.
    Exceeded,
    /// The system gave no thread; nothing ran.
    NoThread,
}

/// Threads that were left behind: stopped at the wall, or running on past their deadline.
#[derive(Clone, Default)]
pub struct Lost(Arc<AtomicUsize>);

impl Lost {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

struct Job {
    state: AtomicU8,
    told_to_end: AtomicBool,
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

/// Whether the running work is within its bounds; work that is not on a job's thread always is.
pub fn is_within() -> bool {
    ACCOUNT.with(|cell| {
        let Some(account) = cell.get() else { return true };
        // SAFETY: `run` keeps the job's Arc in this thread, so it outlives it.
        let told_to_end = unsafe { &*account.job }.told_to_end.load(Ordering::Relaxed);
        !told_to_end && account.live <= LIVE_BYTES && account.total <= TOTAL_BYTES
    })
}

/// Whether `bytes` more may be allocated: for work that knows beforehand what it is going to take.
pub fn has_room(bytes: usize) -> bool {
    ACCOUNT.with(|cell| cell.get().is_none_or(|account| bytes <= LIVE_BYTES.saturating_sub(account.live)))
}

pub struct Allocator;

/// Books `grown` bytes more and `freed` bytes less on the running job, if this thread has one.
fn book(grown: usize, freed: usize) {
    let _ = ACCOUNT.try_with(|cell| {
        let Some(mut account) = cell.get() else { return };
        account.live = account.live.saturating_add(grown).saturating_sub(freed);
        account.total = account.total.saturating_add(grown);
        cell.set(Some(account));
        if account.live <= WALL * LIVE_BYTES && account.total <= WALL * TOTAL_BYTES {
            return;
        }
        cell.set(None);
        // SAFETY: as in `is_within`.
        let job = unsafe { &*account.job };
        job.state.store(WALLED, Ordering::Release); // also when its caller has left: then it is counted already
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
pub fn run<T: Send + 'static>(lost: &Lost, work: impl FnOnce() -> T + Send + 'static) -> Outcome<T> {
    run_until(DEADLINE, lost, work)
}

/// The same with another deadline.
pub fn run_until<T: Send + 'static>(limit: Duration, lost: &Lost, work: impl FnOnce() -> T + Send + 'static) -> Outcome<T> {
    let job = Arc::new(Job { state: AtomicU8::new(RUNNING), told_to_end: AtomicBool::new(false), caller: thread::current() });
    let result: Arc<Mutex<Option<T>>> = Arc::new(Mutex::new(None));
    let (its_job, its_result, its_lost) = (Arc::clone(&job), Arc::clone(&result), lost.clone());
    let spawned = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let pointer = Arc::as_ptr(&its_job);
        ACCOUNT.with(|cell| cell.set(Some(Account { job: pointer, live: 0, total: 0 })));
        let value = catch_unwind(AssertUnwindSafe(work)).ok();
        ACCOUNT.with(|cell| cell.set(None));
        if let Ok(mut slot) = its_result.lock() {
            *slot = value;
        }
        if its_job.state.swap(DONE, Ordering::AcqRel) == LEFT {
            its_lost.0.fetch_sub(1, Ordering::AcqRel);
        }
        its_job.caller.unpark();
    });
    let Ok(thread) = spawned else { return Outcome::NoThread };
    let mut deadline = Instant::now() + limit;
    loop {
        match job.state.load(Ordering::Acquire) {
            DONE => {
                let _ = thread.join();
                let value = result.lock().ok().and_then(|mut slot| slot.take());
                return value.map_or(Outcome::Panicked, Outcome::Done);
            }
            WALLED => {
                lost.0.fetch_add(1, Ordering::AcqRel);
                return Outcome::Exceeded;
            }
            _ => {}
        }
        let now = Instant::now();
        if now < deadline {
            thread::park_timeout(deadline - now);
        } else if !job.told_to_end.swap(true, Ordering::Relaxed) {
            deadline = now + GRACE;
        } else {
            // Counted first, so that the work cannot end uncounted; if it has ended meanwhile, it is not lost.
            lost.0.fetch_add(1, Ordering::AcqRel);
            if job.state.compare_exchange(RUNNING, LEFT, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return Outcome::Exceeded;
            }
            lost.0.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_asks_ends_at_its_deadline_and_nothing_is_lost() {
        let lost = Lost::default();
        let outcome = run_until(Duration::from_millis(20), &lost, || while is_within() {});
        assert!(matches!(outcome, Outcome::Done(())));
        assert_eq!(lost.count(), 0);
    }

    #[test]
    fn work_that_asks_ends_past_its_memory_and_nothing_is_lost() {
        let lost = Lost::default();
        let outcome = run(&lost, || {
            let mut held = Vec::new();
            while is_within() {
                held.push(vec![0u8; 1 << 20]);
            }
            held.len()
        });
        assert!(matches!(outcome, Outcome::Done(64..=66)));
        assert_eq!(lost.count(), 0);
    }

    #[test]
    fn work_that_never_asks_is_stopped_at_the_wall_and_counted() {
        let lost = Lost::default();
        assert!(matches!(run(&lost, || vec![1u8; 200 << 20].len()), Outcome::Exceeded));
        assert_eq!(lost.count(), 1);
    }

    #[test]
    fn work_that_runs_is_not_lost() {
        let lost = Lost::default();
        let its_lost = lost.clone();
        assert!(matches!(run(&lost, move || its_lost.count()), Outcome::Done(0)));
    }

    #[test]
    fn work_that_ends_late_is_no_longer_lost() {
        let lost = Lost::default();
        let outcome = run_until(Duration::from_millis(1), &lost, || thread::sleep(GRACE + Duration::from_millis(300)));
        assert!(matches!(outcome, Outcome::Exceeded));
        assert_eq!(lost.count(), 1);
        thread::sleep(Duration::from_secs(1));
        assert_eq!(lost.count(), 0);
    }
}
