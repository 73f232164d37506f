/// SASLprep (RFC 4013) for the characters that the normalisation form KC leaves as they are.
///
/// The standard library has no compatibility normalisation. So this prepares exactly what needs none: ASCII, and the
/// letters of common scripts that are their own normal form. For every other string the answer is `nil`, never a guess:
/// such a password still logs in by PLAIN, it has only no SCRAM verifier.
package enum SASLPrep {
  /// The prepared string in UTF-8; `nil` when it is prohibited, empty, or beyond the characters above.
  package static func prepare(_ bytes: [UInt8]) -> [UInt8]? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    var prepared = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x20...0x7E: prepared.append(scalar)
      // RFC 3454 table C.1.2: other spaces become a space. The others of the table sit outside what is handled here.
      case 0xA0: prepared.append(" ")
      // Table B.1: commonly mapped to nothing.
      case 0xAD: continue
      default:
        guard isItsOwnNormalForm(scalar.value) else { return nil }
        prepared.append(scalar)
      }
    }
    return prepared.isEmpty ? nil : Array(String(prepared).utf8)
  }

  /// Assigned in Unicode 3.2, left-to-right or neutral, no combining mark, and unchanged by NFKC.
  private static func isItsOwnNormalForm(_ value: UInt32) -> Bool {
    switch value {
    // Latin-1 without the characters that are a letter or space with a mark, a superscript or a fraction in disguise.
    case 0xA1...0xA7, 0xA9, 0xAB, 0xAC, 0xAE, 0xB0, 0xB1, 0xB6, 0xB7, 0xBB, 0xBF...0xFF: true
    // Latin Extended-A without IJ, L with middle dot, N preceded by apostrophe, long s.
    case 0x100...0x131, 0x134...0x13E, 0x141...0x148, 0x14A...0x17E: true
    // Greek and Cyrillic.
    case 0x386, 0x388...0x38A, 0x38C, 0x38E...0x3A1, 0x3A3...0x3CE, 0x400...0x45F: true
    // Hiragana, Katakana, unified ideographs.
    case 0x3041...0x3094, 0x30A1...0x30FA, 0x30FC, 0x4E00...0x9FA5: true
    default: false
    }
  }
}
