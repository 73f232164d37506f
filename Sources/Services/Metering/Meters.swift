import Synchronization

/// All meters of a process.
public final class Meters: Sendable {
  private struct Key: Hashable {
    var name: String
    var operations: [String]
  }

  private let services = Mutex<[Key: Meter]>([:])
  private let stores = Mutex<[Key: Meter]>([:])

  public init() {}

  /// The meter of a service with these operations; always the same one. A service may have several, for its several parts: who reads
  /// them sees one.
  public func meter(_ service: ServiceName, _ operations: [String]) -> Meter {
    Self.meter(Key(name: service.rawValue, operations: operations), in: services)
  }

  /// The meter of a store, by its name.
  public func store(_ name: String, _ operations: [String] = StoreOperation.names) -> Meter {
    Self.meter(Key(name: name, operations: operations), in: stores)
  }

  private static func meter(_ key: Key, in meters: borrowing Mutex<[Key: Meter]>) -> Meter {
    meters.withLock { meters in
      if let meter = meters[key] { return meter }
      let meter = Meter(operations: key.operations)
      meters[key] = meter
      return meter
    }
  }

  /// What has been counted, by service, in the order of the names.
  public var serviceReadings: [(name: String, reading: MeterReading)] { Self.readings(services.withLock { $0 }) }

  /// What has been counted, by store.
  public var storeReadings: [(name: String, reading: MeterReading)] { Self.readings(stores.withLock { $0 }) }

  private static func readings(_ meters: [Key: Meter]) -> [(name: String, reading: MeterReading)] {
    var sums: [String: MeterReading] = [:]
    for (key, meter) in meters { sums[key.name, default: MeterReading([])].add(meter.reading) }
    return sums.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}

/// What a store is timed at.
public enum StoreOperation: Int, Sendable, CaseIterable {
  case read
  /// Up to the point where it is durable.
  case commit

  public static let names = ["read", "commit"]
}
