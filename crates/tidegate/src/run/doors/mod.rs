//! The doors: opened, served, changed while they are open, handed over.

mod bind;
mod entrance;
mod secure;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use tidegate_admin::Operators;
use tidegate_net::handover::Handover;
use tidegate_net::listen::Listener;
use tidegate_net::tls::Certificate;
use tidegate_net::{Door, Drain, Seats};
use tidegate_proxy::Gateway;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

pub(super) use bind::{Bound, bind_all};
use entrance::Entrance;
pub(super) use secure::Made;
use secure::Secure;

use crate::config::written::DoorAddress;
use crate::provision::{self, DoorPlan, DoorTerms};

/// All open doors.
pub(super) struct Doors {
    gateway: Arc<Gateway>,
    operators: Arc<Operators>,
    made: Arc<Made>,
    open: Mutex<Open>,
    /// Says that doors for callers are served; the channel closes with the last of them.
    presence: Mutex<Option<mpsc::Sender<()>>>,
    present: tokio::sync::Mutex<mpsc::Receiver<()>>,
}

#[derive(Default)]
struct Open {
    callers: Vec<OpenDoor>,
    admin: Option<OpenDoor>,
    is_draining: bool,
}

/// A door that is served.
struct OpenDoor {
    address: DoorAddress,
    /// Second handles, for whoever serves the socket next.
    sockets: Vec<Listener>,
    service: Service,
    secure: Option<Secure>,
    drain: Drain,
}

/// What holds for a door's connections to their end: when it changes, the socket is served anew.
#[derive(Clone, Debug, PartialEq)]
struct Service {
    terms: DoorTerms,
    is_admin: bool,
    /// Whether ACME servers may ask here.
    is_asked: bool,
}

impl Doors {
    /// No door is open yet.
    pub(super) fn new(gateway: Arc<Gateway>, operators: Operators, made: Arc<Made>) -> Self {
        let (presence, present) = mpsc::channel(1);
        Self {
            gateway,
            operators: Arc::new(operators),
            made,
            open: Mutex::default(),
            presence: Mutex::new(Some(presence)),
            present: tokio::sync::Mutex::new(present),
        }
    }

    /// Serves all doors; the operators' is the last of them.
    pub(super) fn begin(&self, mut bound: Vec<Bound>) -> Result<()> {
        let is_asked = asks(bound.iter().map(|bound| &bound.plan));
        let mut open = self.lock();
        let admin = bound.pop().context("there is no operators' door")?;
        open.admin = Some(self.serve(admin.plan, admin.sockets, true, false)?);
        for door in bound {
            open.callers.push(self.serve(door.plan, door.sockets, false, is_asked)?);
        }
        Ok(())
    }

    /// Opens what is new in those plans: all of it, or nothing.
    pub(super) async fn open_new(&self, plans: &provision::Doors) -> Result<Vec<Bound>> {
        let mut known: Vec<DoorAddress> =
            self.lock().callers.iter().map(|door| door.address.clone()).collect();
        let mut new = Vec::new();
        for plan in &plans.callers {
            match known.iter().position(|address| *address == plan.address) {
                Some(place) => drop(known.swap_remove(place)),
                None => {
                    let sockets = bind::bind(plan).await;
                    let sockets = sockets.with_context(|| self.trouble(&plan.address))?;
                    new.push(Bound { plan: plan.clone(), sockets });
                }
            }
        }
        Ok(new)
    }

    /// Why an address cannot be had.
    fn trouble(&self, wanted: &DoorAddress) -> String {
        let port = wanted.tcp().map(|address| address.port());
        let open = self.lock();
        let overlaps = |door: &&OpenDoor| port.is_some() && door.address.tcp().map(|own| own.port()) == port;
        match open.callers.iter().find(overlaps) {
            Some(door) => format!(
                "cannot listen on {wanted} while the door at {} is open: this change needs a restart",
                door.address
            ),
            None => format!("cannot listen on {wanted}"),
        }
    }

    /// Takes other plans over: new doors are served, others closed, changed ones served anew on the same socket. Open connections
    /// keep their terms.
    pub(super) fn take_over(&self, plans: &provision::Doors, mut new: Vec<Bound>) {
        let is_asked = asks(plans.callers.iter());
        let mut open = self.lock();
        if open.is_draining {
            return;
        }
        let mut before = std::mem::take(&mut open.callers);
        for plan in &plans.callers {
            if let Some(place) = before.iter().position(|door| door.address == plan.address) {
                let door = self.changed(before.remove(place), plan, false, is_asked);
                open.callers.push(door);
            } else if let Some(place) = new.iter().position(|bound| bound.plan.address == plan.address) {
                let bound = new.remove(place);
                let url = bound.url();
                match self.serve(bound.plan, bound.sockets, false, is_asked) {
                    Ok(door) => open.callers.push(door),
                    Err(error) => {
                        error!(url, error = format!("{error:#}"), "a new door cannot be served");
                        continue;
                    }
                }
                info!(url, "a new door");
            }
        }
        for door in before {
            info!(address = %door.address, "a door is closed; its open exchanges may finish");
            door.close();
        }
        if let Some(admin) = open.admin.take_if(|admin| admin.address == plans.admin.address) {
            open.admin = Some(self.changed(admin, &plans.admin, true, false));
        }
    }

    /// A door by another plan. If that fails, it stays as it is.
    fn changed(&self, mut door: OpenDoor, plan: &DoorPlan, is_admin: bool, is_asked: bool) -> OpenDoor {
        if (plan.shards > 1) != (door.sockets.len() > 1) {
            warn!(address = %door.address, "`reuse_port` was changed in the config, but needs a restart");
        }
        let service = Service { terms: plan.terms.clone(), is_admin, is_asked };
        let done = if door.service == service {
            match (&mut door.secure, &plan.tls) {
                (Some(secure), Some(plan)) => secure.take_over(plan, &self.made),
                _ => Ok(()),
            }
        } else {
            self.served_anew(&mut door, plan, service)
        };
        if let Err(error) = done {
            error!(address = %door.address, error = format!("{error:#}"), "a door stays as it was");
        }
        door
    }

    fn served_anew(&self, door: &mut OpenDoor, plan: &DoorPlan, service: Service) -> Result<()> {
        let sockets = door.sockets.iter().map(Listener::second).collect::<std::io::Result<_>>()?;
        let anew = self.serve(plan.clone(), sockets, service.is_admin, service.is_asked)?;
        info!(address = %door.address, "a door has other terms; open connections keep theirs");
        std::mem::replace(door, anew).drain.hand_over();
        Ok(())
    }

    fn serve(
        &self,
        plan: DoorPlan,
        sockets: Vec<Listener>,
        is_admin: bool,
        is_asked: bool,
    ) -> Result<OpenDoor> {
        let secure = plan.tls.as_ref().map(|tls| Secure::new(tls, &self.made)).transpose()?;
        let mut served =
            sockets.iter().map(Listener::second).collect::<std::io::Result<Vec<_>>>()?.into_iter();
        let first = served.next().context("a door has no socket")?;
        let terms = plan.terms.clone();
        let mut door = served.fold(Door::new(first), Door::and).limits(terms.limits);
        if let Some(secure) = &secure {
            door = door.tls(secure.server.clone());
        }
        if let Some(trust) = &terms.trust {
            door = door.proxy_protocol(trust.trust());
        }
        if let Some((all, of_one)) = terms.seats {
            door = door.seats(Arc::new(Seats::new(all, of_one)));
        }
        let drain = Drain::default();
        let service = Service { terms, is_admin, is_asked };
        self.answer(door, &service, drain.clone());
        Ok(OpenDoor { address: plan.address, sockets, service, secure, drain })
    }

    /// Serves a door with whoever answers there.
    fn answer(&self, door: Door, service: &Service, drain: Drain) {
        if service.is_admin {
            tokio::spawn(door.serve(self.operators.clone(), drain));
            return;
        }
        let https = service.terms.redirect;
        if service.terms.is_secure || (https.is_none() && !service.is_asked) {
            self.present(door.serve(self.gateway.clone(), drain));
            return;
        }
        let (gateway, made) = (self.gateway.clone(), self.made.clone());
        self.present(door.serve(Arc::new(Entrance { gateway, made, https }), drain));
    }

    /// Serves a door for callers; as long as it is served, they are not all closed.
    fn present(&self, served: impl Future<Output = ()> + Send + 'static) {
        let presence = self.presence.lock().unwrap_or_else(PoisonError::into_inner).clone();
        tokio::spawn(async move {
            served.await;
            drop(presence);
        });
    }

    /// Whether the doors are closed, and what is open only comes to its end.
    pub(super) fn is_draining(&self) -> bool {
        self.lock().is_draining
    }

    /// Closes all doors for callers to new connections: nobody will serve there.
    pub(super) fn drain(&self) {
        self.drain_callers(Drain::start);
    }

    /// Closes all doors here, the operators' too: another process has them.
    pub(super) fn drain_handed_over(&self) {
        self.drain_callers(Drain::hand_over);
        if let Some(admin) = &mut self.lock().admin {
            admin.drain.hand_over();
            admin.sockets.clear();
        }
    }

    fn drain_callers(&self, begin: fn(&Drain)) {
        let mut open = self.lock();
        open.is_draining = true;
        open.callers.iter().for_each(|door| begin(&door.drain));
        // Nobody waits for a socket that this process holds open and accepts nothing from.
        open.callers.iter_mut().for_each(|door| door.sockets.clear());
        self.presence.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Over when all doors for callers have closed and their connections have ended.
    pub(super) async fn closed(&self) {
        // Nothing is ever sent.
        let _ = self.present.lock().await.recv().await;
    }

    /// All sockets, for a process that takes over.
    pub(super) fn hand_over(&self) -> std::io::Result<Handover> {
        let open = self.lock();
        let mut handover = Handover::default();
        let doors = open.callers.iter().chain(open.admin.iter());
        doors.flat_map(|door| &door.sockets).try_for_each(|socket| handover.add(socket))?;
        Ok(handover)
    }

    /// Shows a new certificate for that host at all doors that have it.
    pub(super) fn show(&self, domain: &str, certificate: &Certificate) {
        self.made.keep(domain, certificate.clone());
        let open = self.lock();
        let doors = open.callers.iter().chain(open.admin.iter());
        doors.filter_map(|door| door.secure.as_ref()).for_each(|secure| secure.show(domain, certificate));
    }

    /// All certificates that are shown somewhere.
    pub(super) fn certificates(&self) -> Vec<Certificate> {
        let open = self.lock();
        let doors = open.callers.iter().chain(open.admin.iter());
        doors.filter_map(|door| door.secure.as_ref()).flat_map(Secure::shown).collect()
    }

    /// Removes the files of Unix sockets: nobody will listen there.
    pub(super) fn remove_sockets(&self) {
        self.lock().callers.iter().for_each(|door| door.address.remove());
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether ACME servers may ask at the doors in the clear.
fn asks<'a>(mut plans: impl Iterator<Item = &'a DoorPlan>) -> bool {
    plans.any(|plan| plan.tls.as_ref().is_some_and(|tls| tls.acme.is_some()))
}

impl OpenDoor {
    fn close(self) {
        self.drain.start();
        self.address.remove();
    }
}

impl DoorAddress {
    /// Removes the file of a Unix socket.
    fn remove(&self) {
        if let Self::Unix(path) = self {
            // It may be gone already.
            let _ = std::fs::remove_file(path);
        }
    }
}
