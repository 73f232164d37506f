/// A resource record (RFC 1035 §3.2.1).
public struct ResourceRecord: Hashable, Sendable {
  public var name: Name
  public var recordClass: RecordClass
  /// Seconds that it may be kept.
  public var ttl: UInt32
  public var data: RData

  public init(_ name: Name, _ recordClass: RecordClass = .in, ttl: UInt32, _ data: RData) {
    self.name = name
    self.recordClass = recordClass
    self.ttl = ttl
    self.data = data
  }

  public var type: RecordType { data.type }
}

extension ResourceRecord: CustomStringConvertible {
  /// The zone-file form: `www.lab.test. 3600 IN A 192.0.2.1`.
  public var description: String { "\(name) \(ttl) \(recordClass) \(type) \(data)" }
}
