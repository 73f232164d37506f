import Configuration
import DHCPClient
import DHCPCore
import Foundation
import Services
import Stores
import Transport
import WireKit

/// What `portside check` looks at for DHCP and network boot.
struct DHCPCheck {
  let configuration: PortsideConfiguration
  let folder: DataFolder

  func run(into report: inout CheckReport) async {
    guard configuration.dhcp.isActive else { return }
    let policy: Policy
    do { policy = try DHCPPolicy.make(configuration, StaticReservation.read(folder.reservationFile)) } catch {
      return report.add(.fail, "dhcp", "\(error)", "docs/configuration.md has the options' names")
    }
    do { _ = try DHCPv6Policy.make(configuration, server: [0, 4, 0]) } catch {
      report.add(.fail, "dhcp", "\(error)", nil)
    }
    report.add(
      .pass, "dhcp",
      "\(policy.subnets.count) subnets, \(policy.reservations.count) reservations, "
        + "\(policy.classes.count) classes", nil)
    checkInterfaces(policy, &report)
    checkBoot(policy, &report)
    checkPools(policy, &report)
    checkNames(&report)
    await checkOthers(&report)
  }

  private var addresses: [IPAddress] {
    configuration.dhcp.on.flatMap { configuration.listen[$0] ?? [] }.filter { $0.family == .v4 }
  }

  /// A subnet that none of our interfaces is in can only be reached through a relay.
  private func checkInterfaces(_ policy: Policy, _ report: inout CheckReport) {
    let own = addresses.contains(where: \.isUnspecified) ? NetworkInterfaces.list().map(\.address) : addresses
    for subnet in policy.subnets where !own.contains(where: subnet.network.contains) {
      report.add(
        .warning, "dhcp subnet \(subnet.network)", "none of our addresses is in it: only relays can ask for it",
        "fine with a relay there; otherwise add an address of ours to dhcp.on")
    }
  }

  /// `siaddr` must lead to a TFTP server.
  private func checkBoot(_ policy: Policy, _ report: inout CheckReport) {
    let entries = policy.subnets.compactMap(\.boot) + policy.classes.compactMap(\.boot)
    let tftp = configuration.tftp.isActive ? configuration.tftp.on.flatMap { configuration.listen[$0] ?? [] } : []
    let own = Set(NetworkInterfaces.list().map(\.address) + addresses)
    for server in Set(entries.filter { !$0.files.isEmpty }.map(\.server)).sorted() {
      let isServed = tftp.contains(server) || tftp.contains { $0.isUnspecified } && own.contains(server)
      if isServed {
        report.add(.pass, "boot server \(server)", "our own TFTP", nil)
      } else if own.contains(server) {
        report.add(
          .fail, "boot server \(server)", "machines are sent to this address, and our TFTP does not listen there",
          "tftp.on, or boot.server")
      } else {
        report.add(
          .warning, "boot server \(server)", "machines are sent to another TFTP server than ours",
          "boot.server, if that is not meant")
      }
    }
  }

  private func checkPools(_ policy: Policy, _ report: inout CheckReport) {
    let records: [LeaseRecord]
    do { records = try LeaseFolder.standing(folder).all } catch {
      return report.add(.fail, "dhcp leases", "\(error)", "restore \(folder.leaseJournal) from a backup")
    }
    let now = SystemClock().wallTime()
    for subnet in policy.subnets where !subnet.pools.isEmpty {
      let size = subnet.pools.reduce(0) { $0 + $1.range.count }
      let held = records.count { record in
        record.isHeld(at: now) && subnet.pools.contains { $0.range.contains(record.address) }
      }
      let text = "\(held) of \(size) addresses are held"
      let isFull = held * 10 >= size * 9
      report.add(
        isFull ? .warning : .pass, "dhcp pool of \(subnet.network)", isFull ? "nearly full: \(text)" : text,
        "a larger pool, or shorter leases")
    }
  }

  /// What waits for the DNS servers of others.
  private func checkNames(_ report: inout CheckReport) {
    guard !configuration.dhcp.update.isEmpty else { return }
    let names = OutsideNames.Entered.read(folder.nameUpdates).values
    let waiting = names.count { !$0.isDone }
    let servers = Set(configuration.dhcp.update.map(\.to.description)).sorted().joined(separator: ", ")
    report.add(
      waiting == 0 ? .pass : .warning, "dhcp names at \(servers)",
      waiting == 0 ? "\(names.count) entered" : "\(waiting) of \(names.count) wait to be entered or taken out",
      "the log says why: does the server take updates from us, signed by the key of dhcp.update?")
  }

  /// Another DHCP server on a network of ours, unless we are the guest there.
  private func checkOthers(_ report: inout CheckReport) async {
    guard !configuration.dhcp.proxy, configuration.dhcp.port == .number(67), geteuid() == 0 else { return }
    let own = Set(NetworkInterfaces.list().map(\.address))
    for address in addresses where !address.isLoopback && !address.isUnspecified {
      guard let interface = NetworkInterfaces.name(of: address) else { continue }
      let client = DHCPProbeClient()
      guard let offers = try? await Task.detached(operation: { try client.ask(interface: interface) }).value else {
        continue
      }
      let others = offers.compactMap { $0.message.address(.serverIdentifier) }.filter { !own.contains($0) }
      for other in others {
        report.add(
          .fail, "dhcp on \(interface)", "another DHCP server answers: \(other)",
          "switch one of the two off, or set dhcp.proxy")
      }
      if others.isEmpty { report.add(.pass, "dhcp on \(interface)", "no other DHCP server answers", nil) }
    }
  }
}
