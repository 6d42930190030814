//! Which addresses may use a route: nginx' `allow` and `deny`, in the order of writing.

use std::net::IpAddr;

use crate::access::Network;

/// Rules in their order; the first that holds the address decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressRules {
    /// Networks, with whether they may.
    pub rules: Vec<(bool, Network)>,
    /// Whether addresses that no rule holds are refused.
    pub refuses_others: bool,
}

impl AddressRules {
    /// Only these, or everybody when there are none.
    pub fn only(networks: Vec<Network>) -> Self {
        let refuses_others = !networks.is_empty();
        Self { rules: networks.into_iter().map(|network| (true, network)).collect(), refuses_others }
    }

    /// Whether the address may. It must be the client's, as [`super::client`] finds it.
    pub fn admit(&self, address: IpAddr) -> bool {
        let rule = self.rules.iter().find(|(_, network)| network.contains(address));
        rule.map_or(!self.refuses_others, |(may, _)| *may)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_holds_an_address_decides() {
        let network = |text: &str| text.parse::<Network>().unwrap();
        let rules = AddressRules {
            rules: vec![(false, network("10.0.0.1")), (true, network("10.0.0.0/8"))],
            refuses_others: true,
        };
        let admit = |address: &str| rules.admit(address.parse().unwrap());
        assert!(!admit("10.0.0.1"));
        assert!(!admit("::ffff:10.0.0.1"));
        assert!(admit("10.0.0.2"));
        assert!(!admit("192.0.2.1"));
        assert!(AddressRules::default().admit("192.0.2.1".parse().unwrap()));
        assert!(AddressRules::only(vec![]).admit("192.0.2.1".parse().unwrap()));
        assert!(!AddressRules::only(vec![network("10.0.0.0/8")]).admit("192.0.2.1".parse().unwrap()));
    }
}
