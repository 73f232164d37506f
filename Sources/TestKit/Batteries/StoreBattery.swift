import Services

/// A check that every implementation of a store must pass.
public struct StoreCheck<Store: Sendable>: Sendable, CustomStringConvertible {
  public let name: String
  let body: @Sendable (Store, @escaping FaultInjector) async throws -> Void

  /// Breaks the store: `.full` so that nothing more fits, `.unavailable` as if it were gone.
  public typealias FaultInjector = @Sendable (StoreError.Code) async throws -> Void

  init(_ name: String, _ body: @escaping @Sendable (Store) async throws -> Void) {
    self.name = name
    self.body = { store, _ in try await body(store) }
  }

  init(breaking name: String, _ body: @escaping @Sendable (Store, @escaping FaultInjector) async throws -> Void) {
    self.name = name
    self.body = body
  }

  /// Runs it on an empty store; throws where the store does not do what it must.
  public func run(_ store: Store, break breaking: @escaping FaultInjector) async throws {
    try await body(store, breaking)
  }

  public var description: String { name }
}

/// What a store did wrong.
public struct BatteryFailure: Error, CustomStringConvertible {
  public let description: String
}

func expect(_ condition: Bool, _ what: String, line: Int = #line) throws {
  if !condition { throw BatteryFailure(description: "line \(line): \(what)") }
}

func expectEqual<Value: Equatable>(_ found: Value, _ wanted: Value, line: Int = #line) throws {
  if found != wanted { throw BatteryFailure(description: "line \(line): found \(found), wanted \(wanted)") }
}

func expectFailure<Value>(
  _ code: StoreError.Code, line: Int = #line, _ body: () async throws(StoreError) -> Value
) async throws {
  do { _ = try await body() } catch {
    if error.code != code { throw BatteryFailure(description: "line \(line): threw \(error), wanted \(code)") }
    return
  }
  throw BatteryFailure(description: "line \(line): threw nothing, wanted \(code)")
}
