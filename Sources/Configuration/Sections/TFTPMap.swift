/// An entry of `tftp.maps`: another name for a file that clients ask for.
public struct TFTPMap: ConfigurationRecord {
  public var from: PlainText
  public var to: PlainText

  public static let schema = Schema(
    TFTPMap(from: PlainText("*"), to: PlainText("{1}")), "Another name for a file that clients ask for."
  ) { keys in
    keys.key(
      "from", \.from, .text(), "The name that is asked for; `*` stands for anything.", example: "\"SEP*.cnf.xml\"",
      isRequired: true)
    keys.key(
      "to", \.to, .text(), "The name that is meant.",
      details: "`{1}` is what the first `*` stood for, `{address}` and `{device}` those of the client.",
      example: "\"phones/{1}.xml\"", isRequired: true)
  }
}
