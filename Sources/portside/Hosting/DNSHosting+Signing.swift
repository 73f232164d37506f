import Configuration
import ConsoleCore
import DNSCore
import DNSSecurity
import DNSServer
import Foundation
import Services
import WireKit

/// Zones that are signed here: how they are configured, what the console says of them, and what is done when it is time.
extension DNSHosting {
  static let signingCommands = [
    Command(
      "show dnssec", permission: "console:show", "the zones that are signed here, and the DS for each parent",
      columns: ["zone", "key", "role", "phase", "algorithm", "next", "ds"]),
    Command(
      "zone roll", [.init("ZONE", .object(of: "show dnssec")), .init("ROLE", .choice(["csk", "ksk", "zsk"]))],
      permission: "dns:edit", "begin to replace a zone's key"),
    Command(
      "zone ds-published", [.init("ZONE", .object(of: "show dnssec"))], permission: "dns:edit",
      "the parent has the DS of the zone's new key"),
  ]

  /// `dnssec` of the zones.
  static func signingSettings(_ section: DNSSection) -> [Name: ZoneSigning.Settings] {
    var result: [Name: ZoneSigning.Settings] = [:]
    for zone in section.zones {
      guard let signing = zone.dnssec, let apex = try? Name(zone.name.description) else { continue }
      let denial: SigningPolicy.Denial =
        switch signing.denial {
        case .nsec: .nsec
        case .nsec3: .nsec3
        case .optOut: .optOut
        }
      var policy = SigningPolicy(denial: denial)
      policy.lifetime = UInt32(clamping: signing.signatureLifetime.components.seconds)
      policy.refresh = policy.lifetime / 3
      policy.jitter = policy.lifetime / 12
      var keys = ZoneKeyring.Policy(algorithm: signing.algorithm == .ecdsa ? .ecdsaP256 : .ed25519)
      keys.isSplit = signing.keys == .two
      keys.keyLifetime = UInt32(clamping: signing.keyLifetime.components.seconds)
      keys.zoneKeyLifetime = UInt32(clamping: signing.zoneKeyLifetime.components.seconds)
      result[apex] = ZoneSigning.Settings(signing: policy, keys: keys)
    }
    return result
  }

  /// Looks once a minute what is due; every ten minutes, what the parents have; twice a day, what the root's keys are.
  func keepSigned() async {
    var minutes = 0
    while !Task.isCancelled {
      if minutes % 720 == 0 { await followRoot() }
      try? await Task.sleep(for: .seconds(60))
      let due = signing.due
      if !due.isEmpty { server.finishAgain(due) }
      minutes += 1
      guard minutes % 10 == 0 else { continue }
      for zone in signing.waitingForParent { await askParent(of: zone) }
    }
  }

  private func askParent(of zone: Name) async {
    guard let records = try? await resolver.parentRecords(of: zone) else { return }
    signing.parentHas(records, of: zone)
    let due = signing.due
    if !due.isEmpty { server.finishAgain(due) }
  }

  func answerSigning(_ question: ConsoleQuestion) -> ConsoleAnswer? {
    switch question.command {
    case "show dnssec": return showSigned(question)
    case "zone roll":
      guard let zone = signedZone(question),
        let role = ZoneKeyring.Role(rawValue: question.values.dropFirst().first ?? "")
      else { return .failure("there is no signed zone '\(question.values.first ?? "")'") }
      do {
        guard try signing.roll(role, of: zone) else {
          return .failure("\(Self.shown(zone)) has no \(role.rawValue) in use, or it is being replaced already")
        }
      } catch { return .failure("\(error)") }
      server.finishAgain([zone])
      return .done("a new \(role.rawValue) of \(Self.shown(zone)) is published; `show dnssec` tells what comes next")
    case "zone ds-published":
      guard let zone = signedZone(question),
        let status = signing.status.first(where: { $0.zone == zone })
      else { return .failure("there is no signed zone '\(question.values.first ?? "")'") }
      guard status.waitsForParent else { return .failure("\(Self.shown(zone)) waits for no DS") }
      signing.parentHas(status.parentRecords, of: zone)
      server.finishAgain([zone])
      return .done("\(Self.shown(zone)): its new key is used alone once the parent's old DS has left all caches")
    default: return nil
    }
  }

  private func signedZone(_ question: ConsoleQuestion) -> Name? {
    guard let text = question.values.first, let zone = try? Name(text) else { return nil }
    return signing.status.contains { $0.zone == zone } ? zone : nil
  }

  private func showSigned(_ question: ConsoleQuestion) -> ConsoleAnswer {
    var rows: [[String]] = []
    for status in signing.status {
      let next = status.next.map { Self.time($0) } ?? "-"
      if let problem = status.problem {
        rows.append([Self.shown(status.zone), "-", "-", problem, "-", next, "-"])
      }
      for entry in status.entries {
        let isParents = status.parentRecords.contains { $0.keyTag == entry.key.tag }
        let ds = isParents ? DS(of: entry.key.record, zone: status.zone).map { "\(status.zone) DS \(RData($0))" } : nil
        let waits = entry.phase == .announced && entry.since == 0
        rows.append([
          Self.shown(status.zone), "\(entry.key.tag)", entry.role.rawValue,
          waits ? "waits for DS at the parent" : entry.phase.rawValue, "\(entry.key.algorithm)", next, ds ?? "-",
        ])
      }
    }
    return question.page(["zone", "key", "role", "phase", "algorithm", "next", "ds"], rows)
  }

  private static func time(_ seconds: UInt32) -> String {
    Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
  }
}
