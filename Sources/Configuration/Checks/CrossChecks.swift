import WireKit

/// What no section can see by itself.
extension PortsideConfiguration {
  /// `on` names groups that exist; no address is in a group twice or means nothing.
  func listenProblems() -> [Problem] {
    var problems: [Problem] = []
    let names = listen.keys.map(\.description).sorted()
    for section in serviceSections() {
      for (index, group) in section.on.enumerated() where listen[group] == nil {
        let near = NearestName.hint(group.description, among: names)
        let all =
          names.isEmpty ? "add [listen] with \(group) = [\"127.0.0.1\"]" : "groups: \(names.joined(separator: ", "))"
        problems.append(
          Problem(
            ConfigurationPath(section.name, "on").appending(index: index), "\"\(group)\" is no group of [listen]",
            hint: near ?? all, basis: [ConfigurationPath("listen")]))
      }
    }
    for (group, addresses) in listen.sorted(by: { $0.key < $1.key }) {
      for (index, address) in addresses.enumerated() where address.isMulticast {
        problems.append(
          Problem(
            ConfigurationPath("listen", group.description).appending(index: index),
            "\(address) is a multicast address: nothing can listen on it for itself"))
      }
    }
    return problems
  }

  /// Log-in in plain text beyond loopback only where a network is named for it (`security.md`).
  func plaintextListenerProblems() -> [Problem] {
    serviceSections().compactMap { section in
      guard section.isActive, section.plaintext, section.plaintextNetworks.isEmpty else { return nil }
      let addresses = section.on.flatMap { listen[$0] ?? [] }
      guard let open = addresses.first(where: { !$0.isLoopback }) else { return nil }
      return Problem(
        ConfigurationPath(section.name, "plaintext"),
        "log-in in plain text on \(open), which is not loopback, needs plaintext_networks",
        hint: "name the networks that may, such as plaintext_networks = [\"192.168.10.0/24\"]",
        basis: [
          ConfigurationPath("listen"), ConfigurationPath(section.name, "on"),
          ConfigurationPath(section.name, "plaintext_networks"), ConfigurationPath(section.name, "enabled"),
        ])
    }
  }

  /// Telnet in plain text is for loopback, where nobody listens in; anywhere else it is worth a word.
  func telnetProblems() -> [Problem] {
    let addresses = telnet.on.flatMap { listen[$0] ?? [] }
    guard telnet.isActive, telnet.plaintext, addresses.contains(where: { !$0.isLoopback }) else { return [] }
    return [
      Problem(
        ConfigurationPath("telnet", "plaintext"), "Telnet carries passwords and everything typed in plain text",
        hint: "use SSH where the client can", severity: .warning,
        basis: [ConfigurationPath("listen"), ConfigurationPath("telnet", "on"), ConfigurationPath("telnet", "enabled")])
    ]
  }

  /// No two listeners on one address and port; `0.0.0.0` and `::` are every address of their family.
  func portProblems() -> [Problem] {
    var problems: [Problem] = []
    var taken = TakenPorts()
    var reported: Set<String> = []
    for listener in listeners() where listener.endpoint.port != 0 {
      guard let first = taken.enter(listener) else { continue }
      let basis = [
        ConfigurationPath(first.section, first.key), ConfigurationPath("listen"), ConfigurationPath(first.section),
        ConfigurationPath(listener.section),
      ]
      let (address, other) = (listener.endpoint.address, first.endpoint.address)
      if first.section == listener.section, first.key == listener.key {
        guard reported.insert("\(listener.section).on").inserted else { continue }
        let message =
          address == other
          ? "\(address) is in both \"\(first.group)\" and \"\(listener.group)\""
          : "\(other) of \"\(first.group)\" and \(address) of \"\(listener.group)\" overlap"
        problems.append(Problem(ConfigurationPath(listener.section, "on"), message, basis: basis))
      } else {
        let pair = "\(first.section).\(first.key) \(listener.section).\(listener.key)"
        guard reported.insert(pair).inserted else { continue }
        let place = address == other ? "" : " on \(other)"
        problems.append(
          Problem(
            ConfigurationPath(listener.section, listener.key),
            "\(listener.endpoint) is taken by \(first.section).\(first.key)\(place)", basis: basis))
      }
    }
    return problems
  }

  /// An ACME solver needs the service that answers.
  func certificateProblems() -> [Problem] {
    guard tls.issuer == .acme else { return [] }
    let place = ConfigurationPath("tls", "solver")
    let basis = ["issuer", "solver"].map { ConfigurationPath("tls", $0) }
    switch tls.solver {
    case .ownTLS:
      guard !http.isActive || http.tlsPort == .off else { return [] }
      return [
        Problem(
          place, "\"own-tls\" needs [http] to listen with TLS", hint: "set http.on, or solver = \"own-dns\"",
          basis: basis + [ConfigurationPath("http")])
      ]
    case .ownHTTP:
      let listens = http.isActive && http.port != .off
      return listens
        ? []
        : [
          Problem(
            place, "\"own-http\" needs [http] to listen", hint: "set http.on, or solver = \"own-dns\"",
            basis: basis + [ConfigurationPath("http")])
        ]
    case .ownDNS:
      let basis = basis + [ConfigurationPath("dns"), ConfigurationPath("server", "hostname")]
      guard dns.isActive else {
        return [
          Problem(
            place, "\"own-dns\" needs [dns] to listen", hint: "set dns.on, or solver = \"own-http\"", basis: basis)
        ]
      }
      guard !dns.zones.contains(where: { $0.name.contains(server.hostname) }) else { return [] }
      return [
        Problem(
          place, "\"own-dns\" needs a zone of [dns] that holds server.hostname, \"\(server.hostname)\"", basis: basis)
      ]
    }
  }

  /// Zones that others rely on are ours.
  func zoneProblems() -> [Problem] {
    let outside = dhcp.update.map(\.zone)
    guard let register = dhcp.register, !dns.zones.contains(where: { $0.name == register }),
      !outside.contains(where: { register.labels.suffix($0.labels.count).elementsEqual($0.labels) })
    else { return [] }
    return [
      Problem(
        ConfigurationPath("dhcp", "register"), "\"\(register)\" is among neither dns.zones nor dhcp.update",
        hint: NearestName.hint(
          register.description, among: dns.zones.map(\.name.description) + outside.map(\.description)),
        basis: [ConfigurationPath("dns", "zones"), ConfigurationPath("dhcp", "update")])
    ]
  }
}
