/// Puts the metrics texts of several workers into one: samples of a family must stand together, under one heading.
public enum MetricsText {
  public static func merged(_ texts: [String]) -> String {
    var order: [String] = []
    var headings: [String: [Substring]] = [:]
    var samples: [String: [Substring]] = [:]
    for text in texts {
      var family = ""
      for line in text.split(separator: "\n") {
        if line.hasPrefix("# HELP "), let name = line.dropFirst(7).split(separator: " ").first {
          family = String(name)
          if headings[family] == nil {
            order.append(family)
            headings[family] = [line]
          }
        } else if line.hasPrefix("#") {
          if let heading = headings[family], heading.count == 1 { headings[family] = heading + [line] }
        } else {
          samples[family, default: []].append(line)
        }
      }
    }
    return order.sorted().reduce(into: "") { text, family in
      for line in (headings[family] ?? []) + (samples[family] ?? []) { text += line + "\n" }
    }
  }
}
