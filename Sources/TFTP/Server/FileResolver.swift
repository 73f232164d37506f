import Datagrams
import Services
import TFTPCore
import WireKit

/// Turns requests into files to read or versions to write: the one place where access is decided.
struct FileResolver: Sendable {
  private let configuration: TFTPServerConfiguration
  private let directory: any ClientDirectory
  private let clock: any Clock
  private let roots: [Descriptor]
  private let clientRoots: [String: Descriptor]
  private let versions: VersionStore?

  init(_ configuration: TFTPServerConfiguration, directory: any ClientDirectory, clock: any Clock) throws(SystemError) {
    self.configuration = configuration
    self.directory = directory
    self.clock = clock
    var roots: [Descriptor] = []
    for path in configuration.readRoots { roots.append(try Descriptor.directory(path)) }
    var clientRoots: [String: Descriptor] = [:]
    for (name, path) in configuration.clientRoots { clientRoots[name] = try Descriptor.directory(path) }
    self.roots = roots
    self.clientRoots = clientRoots
    versions = if let writes = configuration.writes { try VersionStore(writes) } else { nil }
  }

  /// The bytes that a read request asks for.
  func source(for request: Request, from address: IPAddress) throws(TransferFailure) -> FileSource {
    let address = address.unmapped
    let client = directory.client(at: address)
    if let bytes = directory.render(request.fileName, for: client, at: address) {
      guard bytes.count <= configuration.maximumTextSize else {
        throw TransferFailure(.notDefined, "rendered too large")
      }
      return try form(.memory(bytes), request)
    }
    var name = request.fileName
    for map in configuration.maps {
      if let other = map.apply(to: name, address: address, device: client?.device) {
        name = other
        break
      }
    }
    let path = try FileName.path(name)
    var searched = roots
    if let root = client?.root ?? directory.root(at: address), let own = clientRoots[root] {
      searched.insert(own, at: 0)
    }
    for root in searched {
      do throws(TransferFailure) {
        return try form(FileSource.open(path, beneath: root), request)
      } catch  where error.code == .fileNotFound { continue }
    }
    throw TransferFailure(.fileNotFound)
  }

  /// The version that a write request makes.
  func version(for request: Request, from address: IPAddress) throws(TransferFailure) -> NewVersion {
    let address = address.unmapped
    guard let versions else { throw TransferFailure(.accessViolation, "writing is off") }
    let client = directory.client(at: address)
    let isOpen = !versions.policy.onlyKnownClients || versions.policy.openNetworks.contains { $0.contains(address) }
    guard client != nil || isOpen else {
      throw TransferFailure(.accessViolation, "this address may not write")
    }
    let announced = request.options.first { $0.name == "tsize" }.flatMap { UInt64($0.value) }
    return try versions.open(
      request, device: client?.device ?? address.description, announced: announced, now: clock.wallTime())
  }

  private func form(_ source: FileSource, _ request: Request) throws(TransferFailure) -> FileSource {
    request.mode == .netascii ? try source.netascii(limit: configuration.maximumTextSize) : source
  }
}
