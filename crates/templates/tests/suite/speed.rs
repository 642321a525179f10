//! How long an e-mail takes. Run by hand: `cargo test --release -p templates -- --ignored
//! --nocapture`.

use std::time::Instant;

use templates::{Form, Template};

use crate::sample::{Shop, values};

#[test]
#[ignore = "a measurement"]
fn renders_a_second() {
    let slot = "{% recommend \"for you\" count: 2 as items %}<table>{% for item in items %}<tr><td>\
        <a href=\"{{ item.url }}\"><img src=\"{{ item.image }}\" alt=\"{{ item.title }}\"></a>\
        <p style=\"margin:0;font-size:14px\">{{ item.title }}, {{ item.price }} Kč</p></td></tr>{% endfor %}</table>";
    let filler = "<tr><td style=\"padding:10px 25px;word-break:break-word;\"><p>Lorem ipsum dolor sit amet</p></td></tr>\n".repeat(200);
    let source = format!(
        "<html><body><h1>Hello {{{{ profile.traits.first_name | default: \"friend\" }}}}</h1>{filler}{slot}{slot}{slot}</body></html>"
    );
    let template = Template::parse(&source, Form::Html).unwrap();
    let (values, start) = (values(), Instant::now());
    const RENDERS: u32 = 5_000;
    let mut bytes = 0;
    for _ in 0..RENDERS {
        bytes += template.render(&values, &mut Shop::default()).unwrap().text.len();
    }
    let second = f64::from(RENDERS) / start.elapsed().as_secs_f64();
    println!("{second:.0} renders a second of {} bytes", bytes / RENDERS as usize);
}
