import DHCPCore
import Services
import WireKit

extension Lease {
  /// The lease that a record tells of.
  init(_ record: LeaseRecord) {
    let state: State =
      switch record.state {
      case .bound: .bound
      case .released: .released
      case .declined: .declined
      }
    self.init(
      address: record.address, subnet: record.subnet, client: ClientKey(bytes: record.client), state: state,
      starts: record.starts.seconds, expires: record.expires.seconds)
    hardwareType = record.hardwareType
    hardwareAddress = record.hardwareAddress
    hostName = record.hostName
    place = record.place
  }

  /// The record to keep; `nil` for an offer, which is not kept.
  var record: LeaseRecord? {
    let kept: LeaseRecord.State
    switch state {
    case .offered: return nil
    case .bound: kept = .bound
    case .released: kept = .released
    case .declined: kept = .declined
    }
    return LeaseRecord(
      subnet: subnet, address: address, client: client.bytes, state: kept, starts: WallTime(seconds: starts),
      expires: WallTime(seconds: expires), hardwareType: hardwareType, hardwareAddress: hardwareAddress,
      hostName: hostName, place: place)
  }
}
