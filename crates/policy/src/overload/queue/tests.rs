//! Order, refusals, and that nobody is lost.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::overload::{Concurrency, ConcurrencyRules};

const SECOND: i64 = 1_000_000;
const START: i64 = 1_700_000_000 * SECOND;
const HELD: Duration = Duration::from_secs(1);

fn ask(class: Class, caller: u64) -> Ask {
    Ask { class, caller, deadline: START + 60 * SECOND }
}

fn nothing() -> Option<()> {
    None
}

/// Offers what must wait.
fn wait(queue: &Queue<&'static str>, ask: Ask, waiter: &'static str, now: i64) -> Ticket {
    match queue.offer(ask, waiter, now, 1, nothing).fate {
        Fate::Waits(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

/// One permit comes free.
fn free_one<T>(queue: &Queue<T>, now: i64) -> Option<T> {
    let mut permit = Some(());
    let mut woken = queue.done(HELD, now, || permit.take());
    assert!(woken.go.len() <= 1);
    woken.go.pop().map(|woke| woke.waiter)
}

fn drain(queue: &Queue<&'static str>, now: i64) -> String {
    std::iter::from_fn(|| free_one(queue, now)).collect()
}

#[test]
fn who_finds_a_free_permit_goes_at_once() {
    let queue = Queue::new(QueueRules::default());
    let offered = queue.offer(ask(Class::Normal, 1), "a", START, 1, || Some(7));
    assert!(matches!(offered.fate, Fate::GoNow("a", 7)));
    assert!(queue.is_empty());
}

#[test]
fn the_higher_class_goes_first_and_within_a_class_the_older() {
    let queue = Queue::new(QueueRules::default());
    for (class, name) in [
        (Class::Low, "d"),
        (Class::Normal, "b"),
        (Class::Critical, "a"),
        (Class::Normal, "c"),
        (Class::Low, "e"),
    ] {
        wait(&queue, ask(class, 1), name, START);
    }
    assert_eq!(drain(&queue, START), "abcde");
}

#[test]
fn callers_of_a_class_take_turns() {
    let queue = Queue::new(QueueRules::default());
    for (caller, name) in [(1, "a"), (1, "b"), (1, "c"), (2, "x"), (3, "y"), (2, "z")] {
        wait(&queue, ask(Class::Normal, caller), name, START);
    }
    assert_eq!(drain(&queue, START), "axybzc");
}

#[test]
fn the_newest_goes_first_once_the_oldest_has_waited_for_too_long() {
    let queue = Queue::new(QueueRules::default());
    for (i, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        wait(&queue, ask(Class::Normal, 1), name, START + i as i64);
    }
    assert!(!queue.is_overloaded(Class::Normal, START));
    assert_eq!(free_one(&queue, START + SECOND), Some("a"));
    queue.look(START + 4 * SECOND, nothing);
    assert!(!queue.is_overloaded(Class::Normal, START + 4 * SECOND), "late, but not for long");
    assert!(queue.is_overloaded(Class::Normal, START + 5 * SECOND));
    assert!(!queue.is_overloaded(Class::High, START + 5 * SECOND));
    assert_eq!(free_one(&queue, START + 5 * SECOND), Some("d"));
    drain(&queue, START + 5 * SECOND);
    assert!(!queue.is_overloaded(Class::Normal, START + 5 * SECOND));
}

/// When those who had waited too long were gone, the queue filled up to the longest wait again, every ten seconds.
#[test]
fn a_class_is_overloaded_as_long_as_it_turns_somebody_away() {
    let queue = Queue::new(QueueRules::default());
    // Two permits, each held for a second: two a second.
    queue.done(HELD, START, nothing);
    let let_in = |now: i64| {
        let offers = (0..50).map(|_| queue.offer(ask(Class::Normal, 1), "x", now, 2, nothing).fate);
        offers.filter(|fate| matches!(fate, Fate::Waits(_))).count()
    };
    assert_eq!(let_in(START), 50);
    queue.look(START + 3 * SECOND, nothing);
    let late = START + 4 * SECOND;
    assert_eq!(let_in(late), 0);
    queue.look(late, || Some(()));
    assert!(queue.is_empty());
    let soon = late + SECOND * 3 / 2;
    assert_eq!(let_in(soon), 5);
    queue.look(soon, || Some(()));
    assert!(!queue.is_overloaded(Class::Normal, soon + 3 * SECOND), "nobody was turned away for a while");
}

#[test]
fn who_cannot_be_served_in_time_is_refused_at_once_with_an_honest_wait() {
    let queue = Queue::new(QueueRules::default());
    // Two permits, each held for a second: two a second.
    queue.done(HELD, START, nothing);
    let late = Ask { deadline: START + 5 * SECOND, ..ask(Class::Normal, 1) };
    let mut waits = 0;
    let refused = loop {
        match queue.offer(late, "x", START, 2, nothing).fate {
            Fate::Waits(_) => waits += 1,
            Fate::Refused(refused) => break refused,
            Fate::GoNow(..) => panic!("there is no permit"),
        }
    };
    assert_eq!(waits, 10);
    assert_eq!(refused.why, Why::TooLong);
    let told = refused.retry_after.unwrap().as_secs_f64();
    assert!((told - 5.5).abs() < 0.01, "{told}");
    // Whoever goes first is not kept waiting by them.
    let high = Ask { deadline: START + SECOND, ..ask(Class::High, 2) };
    assert!(matches!(queue.offer(high, "h", START, 2, nothing).fate, Fate::Waits(_)));
}

#[test]
fn when_it_is_full_the_one_who_matters_least_is_pushed_out() {
    let queue = Queue::new(QueueRules { most: 4, ..QueueRules::default() });
    for (class, caller, name) in
        [(Class::Low, 1, "a"), (Class::Low, 1, "b"), (Class::Low, 2, "c"), (Class::Normal, 3, "d")]
    {
        wait(&queue, ask(class, caller), name, START);
    }
    let pushed_out = |class: Class, caller: u64, name: &'static str| {
        let offered = queue.offer(ask(class, caller), name, START, 1, nothing);
        let out = offered.woken.refused.iter().map(|refused| {
            assert_eq!(refused.why, Why::PushedOut);
            refused.back
        });
        (matches!(offered.fate, Fate::Waits(_)), out.collect::<String>())
    };
    assert_eq!(pushed_out(Class::Low, 1, "e"), (false, String::new()), "its own caller has the most");
    assert_eq!(pushed_out(Class::Low, 9, "f"), (true, "b".into()), "of the caller with the most");
    assert_eq!(pushed_out(Class::Normal, 9, "g"), (true, "f".into()), "the newest");
    assert_eq!(pushed_out(Class::Critical, 9, "h"), (true, "c".into()));
    assert_eq!(pushed_out(Class::Critical, 9, "i"), (true, "a".into()));
    assert_eq!(pushed_out(Class::Normal, 9, "j"), (false, String::new()));
    assert_eq!(queue.len_of(Class::Critical), 2);
    assert_eq!(drain(&queue, START), "hidg");
}

#[test]
fn the_expired_are_handed_back_and_never_go() {
    let queue = Queue::new(QueueRules::default());
    let soon = Ask { deadline: START + SECOND, ..ask(Class::Critical, 1) };
    wait(&queue, soon, "a", START);
    wait(&queue, ask(Class::Low, 1), "b", START);
    let woken = queue.done(HELD, START + SECOND, nothing);
    assert_eq!(woken.refused.len(), 1);
    assert_eq!((woken.refused[0].back, woken.refused[0].why), ("a", Why::Expired));
    assert_eq!(free_one(&queue, START + SECOND), Some("b"));
    let past = Ask { deadline: START, ..soon };
    let Fate::Refused(refused) = queue.offer(past, "c", START, 1, nothing).fate else {
        panic!("it is too late")
    };
    assert_eq!((refused.back, refused.why), ("c", Why::Expired));
}

#[test]
fn who_gives_up_leaves_no_trace() {
    let queue = Queue::new(QueueRules::default());
    let ticket = wait(&queue, ask(Class::Normal, 1), "a", START);
    wait(&queue, ask(Class::Normal, 2), "b", START);
    assert_eq!(queue.cancel(ticket), Some("a"));
    assert_eq!(queue.cancel(ticket), None);
    assert_eq!(drain(&queue, START), "b");
}

#[derive(Clone, Debug)]
enum Step {
    Ask { class: usize, caller: u64, patience: i64 },
    Done,
    Cancel(usize),
    Look,
    Pass(i64),
    Limit(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0usize..4, 0u64..5, 0i64..20_000_000)
            .prop_map(|(class, caller, patience)| Step::Ask { class, caller, patience }),
        4 => Just(Step::Done),
        1 => any::<usize>().prop_map(Step::Cancel),
        1 => Just(Step::Look),
        2 => (-500_000i64..4_000_000).prop_map(Step::Pass),
        1 => (1u32..8).prop_map(Step::Limit),
    ]
}

/// Every waiter comes out exactly once, none after its deadline, and permits neither vanish nor multiply.
struct Book {
    inside: HashSet<u64>,
    tickets: Vec<(Ticket, u64)>,
    deadlines: Vec<i64>,
    under_way: usize,
}

impl Book {
    fn note(&mut self, woken: Woken<u64, ()>, now: i64) {
        for woke in woken.go {
            assert!(self.inside.remove(&woke.waiter), "{} goes twice", woke.waiter);
            assert!(now < self.deadlines[woke.waiter as usize], "handed out too late");
            self.under_way += 1;
        }
        for refused in woken.refused {
            assert!(self.inside.remove(&refused.back), "{} is refused twice", refused.back);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn everybody_comes_out_exactly_once(steps in proptest::collection::vec(step(), 1..200)) {
        let queue = Queue::new(QueueRules { most: 8, ..QueueRules::default() });
        let permits = Concurrency::new(ConcurrencyRules::Fixed(2));
        let mut book = Book { inside: HashSet::new(), tickets: vec![], deadlines: vec![], under_way: 0 };
        let mut now = START;
        for step in steps {
            let take = || permits.try_take(now).then_some(());
            match step {
                Step::Ask { class, caller, patience } => {
                    let (id, deadline) = (book.deadlines.len() as u64, now + patience);
                    book.deadlines.push(deadline);
                    let ask = Ask { class: Class::ALL[class], caller, deadline };
                    let offered = queue.offer(ask, id, now, permits.limit(), take);
                    book.note(offered.woken, now);
                    match offered.fate {
                        Fate::GoNow(back, ()) => {
                            prop_assert_eq!(back, id);
                            book.under_way += 1;
                        }
                        Fate::Waits(ticket) => {
                            book.tickets.push((ticket, id));
                            book.inside.insert(id);
                        }
                        Fate::Refused(refused) => prop_assert_eq!(refused.back, id),
                    }
                }
                Step::Done if book.under_way > 0 => {
                    permits.give_back();
                    book.under_way -= 1;
                    book.note(queue.done(HELD, now, take), now);
                }
                Step::Done => {}
                Step::Cancel(which) if !book.tickets.is_empty() => {
                    let (ticket, id) = book.tickets.swap_remove(which % book.tickets.len());
                    prop_assert_eq!(queue.cancel(ticket), book.inside.take(&id));
                }
                Step::Cancel(_) => {}
                Step::Look => book.note(queue.look(now, take), now),
                Step::Pass(time) => now += time,
                Step::Limit(limit) => permits.set_rules(ConcurrencyRules::Fixed(limit)),
            }
            prop_assert_eq!(queue.len(), book.inside.len());
            prop_assert!(queue.len() <= 8);
            prop_assert_eq!(permits.in_flight() as usize, book.under_way);
        }
        while book.under_way > 0 {
            permits.give_back();
            book.under_way -= 1;
            book.note(queue.done(HELD, now, || permits.try_take(now).then_some(())), now);
        }
        prop_assert!(book.inside.is_empty(), "{:?} are forgotten", book.inside);
    }
}

/// Many threads at one permit: nobody waits for ever, and never do two have it.
#[test]
fn no_wake_up_is_lost_between_threads() {
    let (queue, permits) = (Queue::new(QueueRules::default()), Concurrency::new(ConcurrencyRules::Fixed(1)));
    let (inside, served) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let take = || permits.try_take(START).then_some(());
    let work = |caller: u64| {
        for _ in 0..3000 {
            if !(queue.is_empty() && permits.try_take(START)) {
                let (wake, woken) = std::sync::mpsc::sync_channel::<()>(1);
                let offered = queue.offer(ask(Class::Normal, caller), wake, START, 1, take);
                offered.woken.go.into_iter().for_each(|woke| woke.waiter.send(()).unwrap());
                match offered.fate {
                    Fate::GoNow(..) => {}
                    Fate::Waits(_) => {
                        woken.recv_timeout(Duration::from_secs(20)).expect("its wake-up was lost")
                    }
                    Fate::Refused(refused) => panic!("{:?}", refused.why),
                }
            }
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
            inside.fetch_sub(1, Ordering::SeqCst);
            served.fetch_add(1, Ordering::Relaxed);
            permits.give_back();
            let woken = queue.done(Duration::from_micros(1), START, take);
            woken.go.into_iter().for_each(|woke| woke.waiter.send(()).unwrap());
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|caller| drop(scope.spawn(move || work(caller)))));
    assert_eq!(served.into_inner(), 12_000);
    assert_eq!((permits.in_flight(), queue.len()), (0, 0));
}
