import HTTPCore

/// HTML that is safe by construction: text is escaped when it enters, and only elements make markup.
struct HTML: Sendable, ExpressibleByStringInterpolation {
  private(set) var markup: String

  /// A constant text is escaped as well.
  init(stringLiteral text: String) { markup = HTMLEscaping.escape(text) }
  init(_ text: some StringProtocol) { markup = HTMLEscaping.escape(text) }
  private init(markup: String) { self.markup = markup }

  static let empty = HTML(markup: "")

  static func + (left: HTML, right: HTML) -> HTML { HTML(markup: left.markup + right.markup) }
  static func += (left: inout HTML, right: HTML) { left.markup += right.markup }

  /// An element. Attributes stand in the order given; one whose value is `nil` is left away.
  static func element(
    _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String?> = [:], _ content: HTML = .empty
  ) -> HTML {
    var markup = "<\(name)"
    for (key, value) in attributes {
      if let value { markup += " \(key)=\"\(HTMLEscaping.escape(value))\"" }
    }
    switch "\(name)" {
    case "input", "meta", "link", "br": return HTML(markup: markup + ">")
    default: return HTML(markup: markup + ">\(content.markup)</\(name)>")
    }
  }

  static func link(_ target: String, _ content: HTML) -> HTML { element("a", ["href": target], content) }

  static func each<Values: Sequence>(_ values: Values, _ body: (Values.Element) -> HTML) -> HTML {
    HTML(markup: values.reduce(into: "") { $0 += body($1).markup })
  }
}
