import Services

/// The settings of a mail program, in the forms that programs ask for. There is never a password in them.
extension MailPublication {
  /// Thunderbird's, and that of many after it (config-v1.1.xml).
  public func thunderbird(_ domain: String) -> String {
    var lines = [
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<clientConfig version=\"1.1\">",
      "  <emailProvider id=\"\(domain.xml)\">", "    <domain>\(domain.xml)</domain>",
      "    <displayName>\(domain.xml)</displayName>", "    <displayShortName>\(domain.xml)</displayShortName>",
    ]
    for (kind, service) in incoming { lines += thunderbirdServer("incomingServer", kind, service) }
    for service in outgoing { lines += thunderbirdServer("outgoingServer", "smtp", service) }
    lines += ["  </emailProvider>", "</clientConfig>"]
    return lines.joined(separator: "\n") + "\n"
  }

  private func thunderbirdServer(_ element: String, _ kind: String, _ service: Service) -> [String] {
    [
      "    <\(element) type=\"\(kind)\">", "      <hostname>\(hostname.xml)</hostname>",
      "      <port>\(service.port)</port>",
      "      <socketType>\(service.isImplicit ? "SSL" : "STARTTLS")</socketType>",
      "      <authentication>password-cleartext</authentication>",
      "      <username>%EMAILADDRESS%</username>", "    </\(element)>",
    ]
  }

  /// What incoming mail is fetched by, best first.
  private var incoming: [(kind: String, service: Service)] {
    [("imap", ServiceName.imaps), ("imap", .imap), ("pop3", .pop3s), ("pop3", .pop3)].compactMap { kind, name in
      service(name).map { (kind, $0) }
    }
  }

  private var outgoing: [Service] { [service(.submissions), service(.submission)].compactMap { $0 } }

  /// Outlook's (MS-OXDSCLI, the response schema 2006a).
  public func outlook(_ address: SetupAddress) -> String {
    var lines = [
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>",
      "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">",
      "  <Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\">",
      "    <Account>", "      <AccountType>email</AccountType>", "      <Action>settings</Action>",
    ]
    var known: Set<String> = []
    for (kind, service) in incoming where known.insert(kind).inserted {
      lines += protocolLines(kind.uppercased(), service, address)
    }
    if let service = outgoing.first { lines += protocolLines("SMTP", service, address) }
    lines += ["    </Account>", "  </Response>", "</Autodiscover>"]
    return lines.joined(separator: "\n") + "\n"
  }

  private func protocolLines(_ kind: String, _ service: Service, _ address: SetupAddress) -> [String] {
    [
      "      <Protocol>", "        <Type>\(kind)</Type>", "        <Server>\(hostname.xml)</Server>",
      "        <Port>\(service.port)</Port>", "        <DomainRequired>off</DomainRequired>",
      "        <LoginName>\(address.address.xml)</LoginName>", "        <SPA>off</SPA>",
      "        <SSL>\(service.isImplicit ? "on" : "off")</SSL>",
      "        <Encryption>\(service.isImplicit ? "SSL" : "TLS")</Encryption>",
      "        <AuthRequired>on</AuthRequired>", "      </Protocol>",
    ]
  }

  /// A profile for Apple's devices; unsigned, and without a password: the device asks for it.
  public func appleProfile(_ address: SetupAddress) -> String? {
    guard let fetching = incoming.first(where: { $0.kind == "imap" }) ?? incoming.first, let sending = outgoing.first
    else { return nil }
    let isIMAP = fetching.kind == "imap"
    let mail =
      Self.pairs(
        [
          ("EmailAccountDescription", .text(address.domain)),
          ("EmailAccountType", .text(isIMAP ? "EmailTypeIMAP" : "EmailTypePOP")),
          ("EmailAddress", .text(address.address)), ("IncomingMailServerAuthentication", .text("EmailAuthPassword")),
          ("IncomingMailServerHostName", .text(hostname)),
          ("IncomingMailServerPortNumber", .number(fetching.service.port)),
          ("IncomingMailServerUseSSL", .flag(true)), ("IncomingMailServerUsername", .text(address.address)),
          ("OutgoingMailServerAuthentication", .text("EmailAuthPassword")),
          ("OutgoingMailServerHostName", .text(hostname)), ("OutgoingMailServerPortNumber", .number(sending.port)),
          ("OutgoingMailServerUseSSL", .flag(true)), ("OutgoingMailServerUsername", .text(address.address)),
          ("OutgoingPasswordSameAsIncomingPassword", .flag(true)),
          ("PayloadDescription", .text("Mail for \(address.address)")), ("PayloadDisplayName", .text(address.domain)),
          ("PayloadIdentifier", .text("portside.mail.\(address.domain)")),
          ("PayloadType", .text("com.apple.mail.managed")),
          ("PayloadUUID", .text(Self.uuid("mail \(address.address)"))),
          ("PayloadVersion", .number(1)),
        ], indent: "      ")
    let outer = Self.pairs(
      [
        ("PayloadDescription", .text("Mail for \(address.address)")), ("PayloadDisplayName", .text(address.domain)),
        ("PayloadIdentifier", .text("portside.profile.\(address.domain)")), ("PayloadType", .text("Configuration")),
        ("PayloadUUID", .text(Self.uuid("profile \(address.address)"))), ("PayloadVersion", .number(1)),
      ], indent: "  ")
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
      <plist version="1.0">
      <dict>
        <key>PayloadContent</key>
        <array>
          <dict>
      \(mail)
          </dict>
        </array>
      \(outer)
      </dict>
      </plist>

      """
  }

  private enum Value {
    case text(String)
    case number(UInt16)
    case flag(Bool)

    var xml: String {
      switch self {
      case .text(let text): "<string>\(text.xml)</string>"
      case .number(let number): "<integer>\(number)</integer>"
      case .flag(let flag): flag ? "<true/>" : "<false/>"
      }
    }
  }

  private static func pairs(_ pairs: [(String, Value)], indent: String) -> String {
    pairs.map { "\(indent)<key>\($0)</key>\n\(indent)\($1.xml)" }.joined(separator: "\n")
  }

  /// The same for the same text, so that a profile that is installed again replaces the one before: two FNV hashes, marked
  /// as version 8 (RFC 9562 §5.8).
  private static func uuid(_ text: String) -> String {
    func hash(_ seed: UInt64) -> UInt64 {
      text.utf8.reduce(0xcbf2_9ce4_8422_2325 ^ seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
    let high = hash(1) & 0xFFFF_FFFF_FFFF_0FFF | 0x8000
    let low = hash(2) & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    let digits = Array((hexadecimal(high) + hexadecimal(low)).uppercased())
    let cuts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
    return cuts.map { String(digits[$0]) }.joined(separator: "-")
  }

  private static func hexadecimal(_ number: UInt64) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }
}
