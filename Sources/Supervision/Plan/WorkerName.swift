/// The workers: one process each, so that a trap in one ends no other.
public enum WorkerName: String, Hashable, Sendable, Codable, CaseIterable, CustomStringConvertible {
  /// Accounts, penalties, audit, certificates, the admin API.
  case gate
  /// DNS, DHCP, TFTP.
  case names
  /// SMTP, IMAP, POP3, the queue.
  case mail
  /// HTTP, HTTPS.
  case web
  /// SSH, SFTP, FTP, Telnet.
  case access
  /// RDP.
  case desktop

  public var description: String { rawValue }
}
