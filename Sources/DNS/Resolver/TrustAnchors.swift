import DNSCore
import DNSSecurity

/// Where trust begins, and where it is given up.
public struct TrustAnchors: Sendable, Hashable {
  /// The digests of keys that are trusted, by zone.
  public var keys: [Name: [DS]]
  /// Zones whose signatures are not looked at: negative trust anchors (RFC 7646).
  public var insecure: Set<Name>

  /// No anchors: nothing is validated.
  public static let none = TrustAnchors()

  public init(keys: [Name: [DS]] = [:], insecure: Set<Name> = []) {
    self.keys = keys
    self.insecure = insecure
  }

  /// The root's keys of 2017 and 2024, as IANA's `root-anchors.xml` has them.
  public static let root: TrustAnchors = {
    let texts = [
      "20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
      "38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
    ]
    let records = texts.compactMap { try? RData($0, type: .ds).value(as: DS.self) }
    return TrustAnchors(keys: [.root: records])
  }()

  /// Whether there is anything to validate by.
  public var isEmpty: Bool { keys.isEmpty }

  /// The deepest zone with an anchor that a name lies in.
  func zone(above name: Name) -> Name? {
    keys.keys.filter { name.isWithin($0) }.max { $0.labelCount < $1.labelCount }
  }

  /// Whether a name lies in a zone whose signatures are not looked at, and no deeper anchor speaks for it.
  func isGivenUp(_ name: Name) -> Bool {
    guard let given = insecure.filter({ name.isWithin($0) }).max(by: { $0.labelCount < $1.labelCount }) else {
      return false
    }
    return (zone(above: name)?.labelCount ?? -1) < given.labelCount
  }
}
