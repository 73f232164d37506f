/// A kind of field in the data of a record: how it stands on the wire and how it is written.
///
/// A record type is a list of these (`RecordSchema`); one engine reads, writes, prints and parses them all.
enum RDataField: Sendable, Equatable {
  /// Integers of 1, 2 and 4 octets, in decimal.
  case uint8, uint16, uint32
  /// Seconds; also in units when written (`1h30m`).
  case period
  /// A domain name. Compressible ones are those of RFC 1035; old ones may arrive compressed (RFC 3597 §4).
  case name(Compression)
  /// An address in its usual text.
  case ipv4, ipv6
  /// One character string (RFC 1035 §3.3); a list of at least one up to the end.
  case string, strings
  /// The rest of the data as one text without a length octet: the value of CAA, the target of URI.
  case text
  /// CAA's tag: letters and digits, with a length octet, never in quotes.
  case tag
  /// The rest of the data in hexadecimal or base64, in any number of tokens.
  case hex, base64
  /// With a length octet before them: a salt in hexadecimal (`-` for none), a hash in base32.
  case salt, hash
  /// A set of types (RFC 4034 §4.1.2).
  case typeBitmap
  /// One type, by mnemonic.
  case recordType
  /// A point in time, `YYYYMMDDHHmmSS` (RFC 4034 §3.2).
  case time
  /// A hardware address of 6 or 8 octets, with hyphens (RFC 7043).
  case eui(Int)
  /// 64 bits as four groups of hexadecimal digits (RFC 6742).
  case locator64
  /// A place on earth (RFC 1876).
  case location
  /// Parameters of a service binding (RFC 9460 §2.2).
  case serviceParameters
  /// A DNSSEC algorithm or a certificate type: a number or one of its mnemonics.
  case algorithm, certificateType
  /// Address prefixes (RFC 3123).
  case addressPrefixes

  enum Compression: Sendable, Equatable {
    /// RFC 1035's own: written compressed.
    case compressible
    /// Written in full, accepted compressed, lower case in the canonical form (RFC 4034 §6.2).
    case legacy
    /// Never compressed and case kept (RFC 3597 §7).
    case never
  }

  /// Whether it runs to the end of the data.
  var isRest: Bool {
    switch self {
    case .strings, .text, .hex, .base64, .typeBitmap, .serviceParameters, .addressPrefixes: true
    default: false
    }
  }
}
