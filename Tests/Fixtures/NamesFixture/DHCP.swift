import DHCPCore
import DHCPServer
import Services
import Stores
import WireKit

/// NamesFixture dhcp --listen 0.0.0.0:67 --store FILE --subnet 10.1.0.0/24 --pool 10.1.0.100-10.1.0.199
///   [--option routers=10.1.0.1] [--reserve 02:00:00:00:00:01=10.1.0.20] [--lease 600] [--interface NAME] [--probe]
///   [--boot-server 10.1.0.1 --boot-file ARCH=FILE --boot-script FILE] [--proxy] [--circuit-limit N] [--verbose]
func serveDHCP(_ arguments: Arguments) async {
  holdSignals()
  var policy = Policy()
  guard let network = arguments.first("subnet").flatMap({ IPNetwork($0) }) else { arguments.fail("no --subnet") }
  var subnet = Policy.Subnet(network, pools: [])
  for text in arguments.all("pool") {
    let ends = text.split(separator: "-").compactMap { IPAddress(String($0)) }
    guard ends.count == 2, let range = AddressRange(ends[0], ends[1]) else { arguments.fail("no pool: \(text)") }
    subnet.pools.append(Policy.Pool(range))
  }
  if let seconds = arguments.first("lease").flatMap({ UInt32($0) }) {
    subnet.lease = Policy.LeaseTime(standard: seconds, minimum: min(seconds, 60), maximum: max(seconds, 604_800))
  }
  for text in arguments.all("option") {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, let definition = OptionDefinition.named(parts[0]) else {
      arguments.fail("no option: \(text)")
    }
    do {
      subnet.options[definition.code] = try definition.encode(parts[1].split(separator: ",").map(String.init))
    } catch {
      arguments.fail("\(error)")
    }
  }
  policy.subnets = [subnet]
  policy.reservations = arguments.all("reserve").enumerated().map { index, text in
    let parts = text.split(separator: "=").map(String.init)
    guard parts.count == 2, let mac = Hexadecimal.bytes(parts[0]), let address = IPAddress(parts[1]) else {
      arguments.fail("no reservation: \(text)")
    }
    return Policy.Reservation("reservation \(index)", .hardwareAddress(mac), address: address)
  }
  policy.boot = bootEntry(arguments)
  policy.isBootProxy = arguments.has("proxy")
  policy.probesConflicts = arguments.has("probe")
  if let limit = arguments.first("circuit-limit").flatMap({ Int($0) }) { policy.maximumLeasesPerCircuit = limit }
  var configuration = DHCPServerConfiguration(policy)
  configuration.interfaces = Set(arguments.all("interface"))
  await runDHCP(configuration, arguments)
}

private func runDHCP(_ configuration: DHCPServerConfiguration, _ arguments: Arguments) async {
  do {
    let store = try JournalLeaseStore(path: arguments.first("store") ?? "leases.journal")
    let server = try await DHCPServer.start(
      configuration, on: arguments.endpoints("listen"), device: arguments.first("device"), store: store,
      clock: MachineClock(), events: ErrorOutput(threshold: arguments.has("verbose") ? .debug : .warning))
    for endpoint in server.endpoints { put("dhcp \(endpoint)") }
    put("ready")
    await waitForEnd()
    await server.stop()
  } catch { arguments.fail("\(error)") }
}

private func bootEntry(_ arguments: Arguments) -> BootEntry? {
  guard let server = arguments.first("boot-server").flatMap({ IPAddress($0) }) else { return nil }
  var entry = BootEntry(server: server)
  for text in arguments.all("boot-file") {
    let parts = text.split(separator: "=").map(String.init)
    if parts.count == 2, let architecture = UInt16(parts[0]) {
      entry.files[architecture] = parts[1]
    } else {
      entry.file = text
    }
  }
  entry.script = arguments.first("boot-script")
  entry.httpURL = arguments.first("boot-url")
  return entry
}
