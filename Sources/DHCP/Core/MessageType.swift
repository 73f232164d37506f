/// What a DHCP message is (option 53, RFC 2132 §9.6; RFC 3203, RFC 4388).
public enum MessageType: UInt8, Sendable, Hashable, CaseIterable {
  case discover = 1
  case offer = 2
  case request = 3
  case decline = 4
  case acknowledge = 5
  case negativeAcknowledge = 6
  case release = 7
  case inform = 8
  case forceRenew = 9
  case leaseQuery = 10
  case leaseUnassigned = 11
  case leaseUnknown = 12
  case leaseActive = 13
}
