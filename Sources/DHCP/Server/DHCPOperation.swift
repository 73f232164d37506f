import DHCPCore

/// What DHCP's metrics tell of, by the message that was answered.
enum DHCPOperation: Int, CaseIterable {
  case discover, request, inform, release, decline, bootp, other
  case v6Solicit, v6Request, v6Renew, v6Other

  static let names = allCases.map(\.name)

  private var name: String {
    switch self {
    case .v6Solicit: "v6-solicit"
    case .v6Request: "v6-request"
    case .v6Renew: "v6-renew"
    case .v6Other: "v6-other"
    default: "\(self)"
    }
  }

  init(_ message: Message) {
    switch message.type {
    case .discover: self = .discover
    case .request: self = .request
    case .inform: self = .inform
    case .release: self = .release
    case .decline: self = .decline
    case nil: self = .bootp
    default: self = .other
    }
  }

  init(_ message: V6Message) {
    switch message.kind {
    case .solicit: self = .v6Solicit
    case .request: self = .v6Request
    case .renew, .rebind: self = .v6Renew
    default: self = .v6Other
    }
  }
}
