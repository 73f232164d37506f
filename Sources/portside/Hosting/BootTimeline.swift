import Foundation
import Services
import Synchronization
import WireKit

/// How far each machine has come with its network boot, read from the events of DHCP and TFTP.
final class BootTimeline: EventSink {
  /// What `portside boot` shows.
  struct Machine: Codable {
    struct Step: Codable {
      /// RFC 3339.
      var time: String
      var step: String
    }
    var hardware: String
    var address: String?
    var architecture: Int?
    var steps: [Step] = []
  }

  private struct State {
    var machines: [String: Machine] = [:]
    /// Machines by address; addresses of strangers stand for themselves.
    var byAddress: [String: String] = [:]
    var order: [String] = []
    var isDirty = false
  }

  private static let machineLimit = 1_024
  private static let stepLimit = 50

  private let state = Mutex(State())

  func isWatched(_ service: ServiceName) -> Bool { false }

  func emit(_ event: Event) {
    switch event.service {
    case .dhcp: dhcp(event)
    case .tftp: tftp(event)
    default: break
    }
  }

  private func dhcp(_ event: Event) {
    guard case .string(let file)? = event.value("boot"), case .string(let hardware)? = event.value("hardware") else {
      return
    }
    var address: String?
    if case .address(let ip)? = event.value("address") { address = ip.description }
    var architecture: Int?
    if case .integer(let number)? = event.value("architecture") { architecture = Int(number) }
    note(hardware, "\(event.message), told to load \(file)", event.time, address: address, architecture: architecture)
  }

  private func tftp(_ event: Event) {
    guard let peer = event.peer?.address.description, case .string(let file)? = event.value("file") else { return }
    var size = ""
    if case .bytes(let count)? = event.value("bytes") { size = ", \(count) bytes" }
    let machine = state.withLock { $0.byAddress[peer] }
    // A machine that never asked DHCP for a boot file is no booting machine.
    guard let machine, event.message.hasPrefix("file") || event.message == "request refused" else { return }
    note(machine, "\(event.message): \(file)\(size)", event.time, address: nil, architecture: nil)
  }

  private func note(_ hardware: String, _ step: String, _ time: WallTime, address: String?, architecture: Int?) {
    state.withLock { state in
      if state.machines[hardware] == nil {
        state.order.append(hardware)
        if state.order.count > Self.machineLimit,
          let oldest = state.machines.removeValue(forKey: state.order.removeFirst())
        {
          if let address = oldest.address { state.byAddress[address] = nil }
        }
      }
      var machine = state.machines[hardware] ?? Machine(hardware: hardware)
      if let address {
        machine.address = address
        state.byAddress[address] = hardware
      }
      machine.architecture = architecture ?? machine.architecture
      machine.steps.append(.init(time: time.rfc3339, step: step))
      if machine.steps.count > Self.stepLimit { machine.steps.removeFirst() }
      state.machines[hardware] = machine
      state.isDirty = true
    }
  }

  /// Writes the file that `portside boot` reads, if there is news.
  func save(to path: String) {
    let machines = state.withLock { state -> [Machine]? in
      guard state.isDirty else { return nil }
      state.isDirty = false
      return state.order.compactMap { state.machines[$0] }
    }
    guard let machines, let content = try? JSONEncoder().encode(machines) else { return }
    try? content.write(to: URL(fileURLWithPath: path), options: .atomic)
  }
}

extension Event {
  fileprivate func value(_ name: String) -> Value? { fields.first { $0.name == name }?.value }
}
