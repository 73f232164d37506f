import DNSCore
import WireKit

/// Who may transfer, update and notify what.
public struct ReplicationConfiguration: Sendable {
  public var keys = TSIGKeyring()
  public var outgoing: [Outgoing] = []
  public var incoming: [Incoming] = []
  public var updates: [Update] = []
  /// The folder for journals, updates and copies of other servers' zones.
  public var folder: String
  /// Transfers that may leave at once.
  public var transfers = 16

  public init(folder: String) { self.folder = folder }

  /// Secondaries of a zone, and others that may have it whole.
  public struct Outgoing: Sendable, Hashable {
    /// `nil`: every zone.
    public var zone: Name?
    /// The secondary that is notified.
    public var notify: Endpoint?
    /// Who may transfer; empty: whoever has the key.
    public var networks: [IPNetwork]
    /// The key that must sign the request, and signs NOTIFY.
    public var key: Name?

    public init(zone: Name?, notify: Endpoint? = nil, networks: [IPNetwork] = [], key: Name? = nil) {
      self.zone = zone
      self.notify = notify
      self.networks = networks
      self.key = key
    }

    func permits(_ apex: Name, _ peer: IPAddress, _ signed: Name?) -> Bool {
      guard zone == nil || zone == apex, key == nil || key == signed else { return false }
      return networks.isEmpty ? key != nil : networks.contains { $0.contains(peer) }
    }
  }

  /// A zone of another server that we serve as well.
  public struct Incoming: Sendable, Hashable {
    public var zone: Name
    public var primaries: [Endpoint]
    public var key: Name?
    /// Whether transfers go inside TLS (RFC 9103).
    public var isSecure: Bool

    public init(zone: Name, primaries: [Endpoint], key: Name? = nil, isSecure: Bool = false) {
      self.zone = zone
      self.primaries = primaries
      self.key = key
      self.isSecure = isSecure
    }
  }

  /// Who may update what of a zone.
  public struct Update: Sendable, Hashable {
    public var zone: Name
    /// The key that must sign.
    public var key: Name
    /// Where from; empty: from anywhere.
    public var networks: [IPNetwork]
    /// Names at and below these alone; empty: all of the zone.
    public var below: [Name]
    /// These types alone; empty: all but the zone's own.
    public var types: [RecordType]

    public init(
      zone: Name, key: Name, networks: [IPNetwork] = [], below: [Name] = [], types: [RecordType] = []
    ) {
      self.zone = zone
      self.key = key
      self.networks = networks
      self.below = below
      self.types = types
    }

    func permits(_ update: ZoneUpdate, _ peer: IPAddress, _ signed: Name?) -> Bool {
      guard zone == update.zone, key == signed, networks.isEmpty || networks.contains(where: { $0.contains(peer) })
      else {
        return false
      }
      return update.targets.allSatisfy { target in
        (below.isEmpty || below.contains { target.name.isWithin($0) })
          && (types.isEmpty || types.contains(target.type))
      }
    }
  }
}
