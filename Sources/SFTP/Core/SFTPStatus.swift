/// The status codes of version 3 (draft-ietf-secsh-filexfer-02 §7).
public enum SFTPStatus: UInt32, Sendable, Hashable {
  case ok = 0
  case endOfFile = 1
  case noSuchFile = 2
  case permissionDenied = 3
  case failure = 4
  case badMessage = 5
  case noConnection = 6
  case connectionLost = 7
  case unsupported = 8
}
