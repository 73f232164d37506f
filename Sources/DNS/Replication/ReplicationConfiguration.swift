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
    /// Who vouches for the primaries, in DER; empty: the authorities that the system trusts.
    public var trustRoots: [[UInt8]] = []
    /// Whether it lists zones that are transferred from the same primaries (RFC 9432).
    public var isCatalog: Bool
    /// Whose updates are handed on to the primaries (RFC 2136 §6); empty: nobody's.
    public var forwardsUpdates: [IPNetwork] = []

    public init(
      zone: Name, primaries: [Endpoint], key: Name? = nil, isSecure: Bool = false, isCatalog: Bool = false
    ) {
      self.isCatalog = isCatalog
      self.zone = zone
      self.primaries = primaries
      self.key = key
      self.isSecure = isSecure
    }

    /// A zone that this catalog lists: from the same primaries.
    func member(_ zone: Name) -> Incoming {
      var member = self
      member.zone = zone
      member.isCatalog = false
      return member
    }
  }

  /// Who may update what of a zone.
  public struct Update: Sendable, Hashable {
    public var zone: Name
    /// What must sign.
    public var signer: UpdateSigner
    /// Where from; empty: from anywhere.
    public var networks: [IPNetwork]
    /// Names at and below these alone; empty: all of the zone.
    public var below: [Name]
    /// These types alone; empty: all but the zone's own.
    public var types: [RecordType]

    public init(
      zone: Name, signer: UpdateSigner, networks: [IPNetwork] = [], below: [Name] = [], types: [RecordType] = []
    ) {
      self.zone = zone
      self.signer = signer
      self.networks = networks
      self.below = below
      self.types = types
    }

    func permits(_ update: ZoneUpdate, _ peer: IPAddress, _ signed: UpdateSigner?) -> Bool {
      guard zone == update.zone, signer == signed, networks.isEmpty || networks.contains(where: { $0.contains(peer) })
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

/// Whose signature an update has.
public enum UpdateSigner: Sendable, Hashable {
  /// That of a key that we share (RFC 8945).
  case shared(Name)
  /// That of the KEY record that a zone's file has at this name (RFC 2931).
  case published(Name)

  var description: String {
    switch self {
    case .shared(let name): "\(name)"
    case .published(let name): "sig0:\(name)"
    }
  }
}
