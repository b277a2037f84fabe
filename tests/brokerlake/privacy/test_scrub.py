"""What is hidden in texts and excerpts, and how identities are shown."""

from __future__ import annotations

import pyarrow as pa
import pytest

from brokerlake.privacy import MASKS, scrub_excerpts, scrub_json, scrub_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("请打12512345678,或12598765432.", "请打[number],或[number]."),
        ("tel+8613812345678 ", "tel+[number] "),
        ("125 1234 5678 / 138-1234-5678", "[number] / [number]"),
        ("身份证 99010119900101123X 和 990101900101123", "身份证 [number] 和 [number]"),
        ("990101 19900101 123X", "[number]"),
        ("卡6222 0200 1234 5678 901", "卡[number]"),
        ("账号608812345678", "账号[number]"),
        ("密码是 Abc-12!3,谢谢", "[secret],谢谢"),
        ("my Password: hunter2, thanks", "my [secret], thanks"),
        ("CVV2 123 / cvn:4567", "[secret] / [secret]"),
        ("密码错误怎么办, password reset, CVV 1", "密码错误怎么办, password reset, CVV 1"),
        ("mail li.9+x@mail.example.com!", "mail [mail]!"),
        (
            "买入 600000.SH 1000 股,单价 12.35,2024-03-04 10:15:00",
            "买入 600000.SH 1000 股,单价 12.35,2024-03-04 10:15:00",
        ),
        (None, None),
    ],
)
def test_scrub_text__identities__hidden_and_the_rest_kept(text, shown):
    assert scrub_text(pa.array([text], pa.string())).to_pylist() == [shown]


def test_scrub_json__identifiers_of_events_stay_whole__values_that_are_identities_go():
    text = (
        '{"duration_ms":1712345678901,"journey_id":"j12512345678f","product_id":"600000.SH","k":"12512345678",'
        '"a":"138 1234 5678","id":"99010119900101123X","m":"li9@example.org","r":"a1b2c3d4e5f60718"}'
    )
    assert scrub_json(pa.array([text])).to_pylist() == [
        '{"duration_ms":1712345678901,"journey_id":"j12512345678f","product_id":"600000.SH","k":"[number]",'
        '"a":"[number]","id":"[number]","m":"[mail]","r":"a1b2c3d4e5f60718"}'
    ]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("7|I|608812345678|C1|王䶮𬭎|12512345678", "7|I|[number]|C1|*|[number]"),
        ("x,李四,990101199001011234,li9@example.org,wm0123456789abcdef", "x,*,[number],[mail],[id]"),
        ("608812345678,own_app,dev01234567,198.18.0.7,2024-03-04", "[number],own_app,[id],[ip],2024-03-04"),
        ('{"name":"\\u738b\\u4f1f","wecom":"wmabcdefabcdefab", "email":"wang10@exam',
         '{"name":"*","wecom":"[id]", "email":"[mail]'),
        ('{"phone": "125 1234 5678", "tex', '{"phone": "[number]", "tex'),
        ("", ""),
    ],
)  # fmt: skip
def test_scrub_excerpts__line_of_any_feed__shows_no_identity(line, shown):
    assert scrub_excerpts([line]) == [shown]


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("name", "王䶮伟", "王**"),
        ("name", "恒远科技有限公司", "恒**"),
        ("id_number", "99010119900101123X", "**************123X"),
        ("id_number", "H1234567", "****"),
        ("phone", "12512345678", "125****5678"),
        ("phone", "1234567", "****"),
        ("email", "wang@example.com", "w***@example.com"),
        ("email", "no mail", "****"),
    ],
)
def test_masks__value__as_a_person_may_see_it(kind, value, shown):
    assert MASKS[kind](pa.array([value, None])).to_pylist() == [shown, None]
