package agreement

import "entente/errs"

// cause is why a rule came out as it did. Each has one outcome, one code and one wording.
type cause uint8

const (
	notJudged cause = iota
	partiesOK
	partiesNone
	unsetOK
	unsetTerm
	signedOK
	signedSupposed
	signedNot
	forceOK
	forceUnset
	forceNotYet
	forceEnded
	authorsOK
	authorOther
	readerOther
	purposeOK
	purposeOther
	meansOK
	meansOther
	suiteOK
	suiteUnset
	labelOK
	labelForeign
	labelBad
	originatorOK
	originatorConsent
	originatorNever
	releaseOK
	releaseOther
	nationalOK
	nationalOnly
	designationNone
	designationCarried
	designationRefused
	designationSilent
	ceilingOK
	ceilingAbove
	ceilingUnset
	rowOK
	rowNone
	choiceOne
	choiceSeveral
	delegationOK
	delegationDraft
	delegationMissing
	delegationNone
	delegationRole
	delegationHolder
	delegationLapsed
	delegationNotAsked
	extentOK
	extentLevel
	extentDesignation
	recipientOK
	recipientOther
	carriageOK
	carriageOther
	dutiesOK
	dutiesSame
	dutiesUnknown
	dutiesDraft
	causeCount
)

// verdict is what follows from a cause, and how it is said: what is so, and what would change the answer. Words in
// braces are filled in: those of the agreement when it is compiled (Compiled.word), those of the question by the writer.
type verdict struct {
	outcome            Outcome
	code               errs.Code
	en, ja             string
	changeEN, changeJA string
}

var causes = [causeCount]verdict{
	notJudged: {Deny, "agreement.not-judged",
		"Not judged: there is no direction, no row or no label that may be read.",
		"判定不能。提供の方向、対応の行又は読み取り可能な表示がない。",
		"Mend what the other findings name; this rule is then judged.",
		"他の判定に示す不備を解消すれば、本規則を判定する。"},

	partiesOK: {Allow, "",
		"{from} and {to} are parties to this agreement.",
		"{from}及び{to}は、本協定の当事者である。",
		"Another giver or receiver would need an agreement of its own.",
		"他の提供元又は提供先には、別の協定を要する。"},
	partiesNone: {Deny, "agreement.none",
		"This agreement does not cover a release from {from} to {to}.",
		"本協定は、{from}から{to}への提供に適用されない。",
		"Ask under an agreement to which both are parties.",
		"双方が当事者である協定に基づいて判定すること。"},

	unsetOK: {Allow, "",
		"Every general term is set.",
		"共通の定めは、全て設定されている。",
		"An unset term would refuse everything that depends on it.",
		"未設定の定めがあれば、これに依拠するものは全て拒否する。"},
	unsetTerm: {Deny, "agreement.unset",
		"Unset in the text: {unset}.",
		"未設定の定めがある: {unset}。",
		"Set the term and have every party sign the new text.",
		"定めを設定し、全ての当事者が新たな文書に署名すること。"},

	signedOK: {Allow, "",
		"Every party's signature over this text was verified.",
		"全ての当事者の署名を検証した。",
		"A text changed by one byte would need new signatures.",
		"文書が一字でも変われば、新たな署名を要する。"},
	signedSupposed: {Allow, "",
		"Asked as if every party had signed; nothing shows that any did.",
		"全ての当事者が署名したものと仮定した判定であり、署名は確認していない。",
		"Nothing may leave on this answer; load the signed package.",
		"本判定により提供してはならない。署名済みの文書を登録すること。"},
	signedNot: {Deny, "agreement.unsigned",
		"This is a bare text; nothing shows that any party signed it.",
		"署名のない文書であり、いずれの当事者の署名も確認できない。",
		"Have every party sign it and load the signed package.",
		"全ての当事者が署名し、署名済みの文書を登録すること。"},

	forceOK: {Allow, "",
		"In force from {begin} until {end} ({evidence}).",
		"{begin}から{end}まで有効({evidence})。",
		"From {end} on nothing new leaves; duties on what is held continue.",
		"{end}以後は新たな提供を行わない。保有する情報に関する義務は存続する。"},
	forceUnset: {Deny, "agreement.not-in-force",
		"Not in force: the day of entry, the end or the evidence is unset.",
		"効力を生じていない。効力発生の日、終了の日又は証拠が未設定である。",
		"State the days and the evidence, and have every party sign the new text.",
		"日及び証拠を定め、全ての当事者が新たな文書に署名すること。"},
	forceNotYet: {Deny, "agreement.not-in-force",
		"Not in force at {at}: it enters into force on {begin}.",
		"{at}には効力を生じていない。効力発生は{begin}。",
		"Wait until {begin}.",
		"{begin}まで待つこと。"},
	forceEnded: {Deny, "agreement.ended",
		"It ended on {end}; nothing new leaves, and duties on what is held continue.",
		"{end}に終了した。新たな提供は行わない。保有する情報に関する義務は存続する。",
		"Only a new agreement in force at {at} would allow it.",
		"{at}に有効な新たな協定を要する。"},

	authorsOK: {Allow, "",
		"{author} and {reader} act for the parties on that day.",
		"{author}及び{reader}は、当日において当事者のために行動する。",
		"Outside its dates an author is refused.",
		"定められた期間外の送受信者は、拒否する。"},
	authorOther: {Deny, "agreement.author",
		"{author} does not act for {from} at {at}.",
		"{author}は、{at}において{from}のために行動しない。",
		"Send through an author that the text names for that day.",
		"当日について文書が指定する送受信者から送付すること。"},
	readerOther: {Deny, "agreement.author",
		"{reader} does not act for {to} at {at}.",
		"{reader}は、{at}において{to}のために行動しない。",
		"Send to an author that the text names for that day.",
		"当日について文書が指定する送受信者に送付すること。"},

	purposeOK: {Allow, "",
		"The purpose {purpose} is within the scope.",
		"目的「{purpose}」は、適用範囲内である。",
		"Use for another purpose needs the originator's prior written consent.",
		"他の目的に使用するには、作成元の書面による事前の同意を要する。"},
	purposeOther: {Deny, "agreement.purpose",
		"The purpose {purpose} is not among the purposes of the agreement.",
		"目的「{purpose}」は、本協定の目的に含まれない。",
		"State one of: {purposes}.",
		"次のいずれかの目的を示すこと: {purposes}。"},

	meansOK: {Allow, "",
		"{means} is a means of transmission under the agreement.",
		"{means}は、本協定に定める伝達の手段である。",
		"Other means than {allmeans} are refused.",
		"{allmeans}以外の手段は、拒否する。"},
	meansOther: {Deny, "agreement.means",
		"{means} is not a means of transmission under the agreement.",
		"{means}は、本協定に定める伝達の手段でない。",
		"Send by one of: {allmeans}.",
		"次のいずれかの手段によること: {allmeans}。"},

	suiteOK: {Allow, "",
		"Sealed with the suite the parties approved: {suite}.",
		"当事者が承認した暗号方式による: {suite}。",
		"Another suite needs a new text, signed by every party.",
		"他の暗号方式には、全ての当事者が署名した新たな文書を要する。"},
	suiteUnset: {Deny, "agreement.unset",
		"The parties have approved no cryptographic suite.",
		"当事者が承認した暗号方式がない。",
		"Name the suite and have every party sign the new text.",
		"暗号方式を定め、全ての当事者が新たな文書に署名すること。"},

	labelOK: {Allow, "",
		"The originator's own label was read: {level}.",
		"作成元の原表示を確認した: {level}。",
		"A translated label is never the start of a decision.",
		"読み替え後の表示は、判定の基礎とならない。"},
	labelForeign: {Deny, "agreement.label",
		"The label is not in the marking policy of {from}.",
		"{from}の秘区分規程による表示でない。",
		"Start from the label that the originator gave.",
		"作成元が付した表示によること。"},
	labelBad: {Deny, "agreement.label",
		"The label may not be read: {why}.",
		"表示を読み取ることができない({why})。",
		"Have the originator mark it again.",
		"作成元が改めて表示すること。"},

	originatorOK: {Allow, "",
		"{from} is the originator of the information.",
		"{from}は、当該情報の作成元である。",
		"Information of another originator would need that originator's written consent.",
		"他の作成元の情報には、その書面による同意を要する。"},
	originatorConsent: {Deny, "agreement.third-party",
		"The originator is {originator}, not {from}, and no consent is on record.",
		"作成元は{from}ではなく{originator}であり、同意の記録がない。",
		"Obtain the written consent of {originator} for this item, recipient and purpose.",
		"当該情報、提供先及び目的を特定した{originator}の書面による同意を得ること。"},
	originatorNever: {Deny, "agreement.third-party",
		"The originator is {originator}, not {from}; the agreement allows no passing on.",
		"作成元は{from}ではなく{originator}であり、本協定は第三者の情報の提供を認めない。",
		"{originator} itself would have to give it.",
		"{originator}が自ら提供することを要する。"},

	releaseOK: {Allow, "",
		"The release set names {to}: {release}.",
		"提供先に{to}が含まれる: {release}。",
		"Without {to} in the release set it would be refused before any mapping.",
		"提供先に{to}がなければ、区分の対応を判定する前に拒否する。"},
	releaseOther: {Deny, "agreement.release-set",
		"The release set does not name {to}; it names only: {release}.",
		"提供先に{to}が含まれない。提供先: {release}。",
		"The originator would have to mark it releasable to {to}.",
		"作成元が提供先に{to}を加えて表示することを要する。"},

	nationalOK: {Allow, "",
		"No designation keeps it at home.",
		"国内限りの指定はない。",
		"A national-only designation would refuse it, whatever the table says.",
		"国内限りの指定があれば、対応の表にかかわらず拒否する。"},
	nationalOnly: {Deny, "agreement.national-only",
		"{designation} keeps the information at home.",
		"「{designation}」により、国外に提供しない。",
		"The originator would have to lift {designation}.",
		"作成元が「{designation}」を解除することを要する。"},

	designationNone: {Allow, "",
		"No designation narrows its handling.",
		"取扱いを制限する指定はない。",
		"A designation that the agreement does not carry would refuse it.",
		"本協定が引き継がない指定があれば、拒否する。"},
	designationCarried: {Allow, "",
		"{designation} is carried to the receiver. {duty}",
		"「{designation}」の義務を受領側に引き継ぐ。{duty}",
		"The duty travels as handling text and stays until the originator lifts it.",
		"この義務は取扱いの指示として伝達し、作成元が解除するまで存続する。"},
	designationRefused: {Deny, "agreement.designation",
		"{designation} is not given. {duty}",
		"「{designation}」は提供しない。{duty}",
		"The originator would have to lift {designation}, or the parties agree how its duty is carried.",
		"作成元による「{designation}」の解除、又はその義務の引継ぎに関する当事者の合意を要する。"},
	designationSilent: {Deny, "agreement.designation",
		"The agreement does not say how the duty of {designation} is carried.",
		"本協定には、「{designation}」の義務の引継ぎに関する定めがない。",
		"The parties would have to agree how it is carried, or the originator to lift it.",
		"義務の引継ぎに関する当事者の合意、又は作成元による解除を要する。"},

	ceilingOK: {Allow, "",
		"{level} is not above the ceiling {ceiling}.",
		"{level}は、上限{ceiling}を超えない。",
		"Anything above {ceiling} would be refused.",
		"{ceiling}を超えるものは、拒否する。"},
	ceilingAbove: {Deny, "agreement.ceiling",
		"{level} is not within the ceiling {ceiling}.",
		"{level}は、上限{ceiling}の範囲内にない。",
		"Only a lower marking by the originator, or a new ceiling signed by every party, would allow it.",
		"作成元による区分の引下げ、又は全ての当事者が署名した新たな上限を要する。"},
	ceilingUnset: {Deny, "agreement.ceiling",
		"No ceiling is set from {from} to {to}; nothing is given in that direction.",
		"{from}から{to}への上限の定めがなく、この方向の提供は行わない。",
		"State a ceiling and have every party sign the new text.",
		"上限を定め、全ての当事者が新たな文書に署名すること。"},

	rowOK: {Allow, "",
		"{level} corresponds to {targets} of {to}.",
		"{level}は、{to}の{targets}に対応する。",
		"Without its row the level would not be exchangeable.",
		"対応の行がなければ、交換の対象とならない。"},
	rowNone: {Deny, "agreement.row",
		"{level} has no row from {from} to {to}: it is not exchangeable, and nothing is rounded up.",
		"{level}には、{from}から{to}への対応の行がない。交換の対象とならず、上位の区分に読み替えない。",
		"The parties would have to agree on a row for {level}.",
		"{level}の対応に関する当事者の合意を要する。"},

	choiceOne: {Allow, "",
		"One marking corresponds; nothing is left to choose.",
		"対応する区分は一つであり、選択を要しない。",
		"A second marking in the row would need a national decision.",
		"行に他の区分があれば、受領国の決定を要する。"},
	choiceSeveral: {NeedsPerson, "agreement.choice",
		"{targets}: the {decider} of {to} chooses at acceptance; until then the strictest applies.",
		"{targets}。受入れの際に{to}の{decider}が選択し、それまでは最も厳格な区分による。",
		"The recorded choice of the {decider} settles it.",
		"{decider}の選択を記録することにより確定する。"},

	delegationOK: {Allow, "",
		"{office} acts as {role} under {instrument}, in force until {duntil}.",
		"{office}は、{instrument}に基づき{role}として行動する({duntil}まで有効)。",
		"From {duntil} on the delegation gives nothing.",
		"{duntil}以後、この委任は効力を有しない。"},
	delegationDraft: {NeedsPerson, "agreement.delegation.missing",
		"A {role} with a delegation decides this; none has been asked yet.",
		"委任を受けた{role}の決定を要する。決定は未了である。",
		"The recorded decision of the {role} settles it.",
		"{role}の決定を記録することにより確定する。"},
	delegationMissing: {Deny, "agreement.delegation.missing",
		"No delegation is shown; nobody may decide without one.",
		"委任が示されていない。委任なしに決定することはできない。",
		"Have a {role} with a delegation in force decide.",
		"有効な委任を受けた{role}が決定すること。"},
	delegationNone: {Deny, "agreement.delegation.missing",
		"Not judged: no delegation is shown.",
		"判定不能。委任が示されていない。",
		"Have a {role} with a delegation in force decide.",
		"有効な委任を受けた{role}が決定すること。"},
	delegationRole: {Deny, "agreement.delegation.role",
		"The delegation is not one of the sending authority for a {role}.",
		"示された委任は、当該当局による{role}の委任でない。",
		"Act under a delegation of that authority for that role.",
		"当該当局による当該職務の委任に基づいて行動すること。"},
	delegationHolder: {Deny, "agreement.delegation.holder",
		"Whoever acts does not hold this delegation.",
		"行動する者は、この委任を受けた者でない。",
		"Let the holder of the delegation decide.",
		"委任を受けた者が決定すること。"},
	delegationLapsed: {Deny, "agreement.delegation.lapsed",
		"The delegation is in force from {dfrom} until {duntil}, not at {at}.",
		"この委任の有効期間は{dfrom}から{duntil}までであり、{at}には効力を有しない。",
		"Obtain a delegation in force at {at}.",
		"{at}に有効な委任を得ること。"},
	delegationNotAsked: {Allow, "",
		"Not asked: a {role} releases nothing.",
		"判定を要しない。{role}は提供を行わない。",
		"It is asked of a release officer.",
		"提供担当官については判定する。"},

	extentOK: {Allow, "",
		"The delegation reaches {dceiling}, which covers {level}.",
		"この委任は{dceiling}までであり、{level}を含む。",
		"Above {dceiling}, or with a designation it does not name, it gives nothing.",
		"{dceiling}を超え、又は委任にない指定のあるものには及ばない。"},
	extentLevel: {Deny, "agreement.delegation.narrow",
		"The delegation reaches {dceiling}, which does not cover {level}.",
		"この委任は{dceiling}までであり、{level}を含まない。",
		"Let an officer decide whose delegation covers {level}.",
		"{level}を含む委任を受けた者が決定すること。"},
	extentDesignation: {Deny, "agreement.delegation.narrow",
		"The delegation does not name the designation {designation}.",
		"この委任は、指定「{designation}」を含まない。",
		"Let an officer decide whose delegation names {designation}.",
		"「{designation}」を含む委任を受けた者が決定すること。"},

	recipientOK: {Allow, "",
		"The delegation names {to} as a recipient.",
		"この委任は、提供先に{to}を含む。",
		"Recipients it does not name are refused.",
		"委任にない提供先は、拒否する。"},
	recipientOther: {Deny, "agreement.delegation.recipient",
		"The delegation does not name {to} as a recipient.",
		"この委任は、提供先に{to}を含まない。",
		"Let an officer decide whose delegation names {to}.",
		"提供先に{to}を含む委任を受けた者が決定すること。"},
	carriageOK: {Allow, "",
		"The delegation names {means} as a means.",
		"この委任は、手段に{means}を含む。",
		"Means it does not name are refused.",
		"委任にない手段は、拒否する。"},
	carriageOther: {Deny, "agreement.delegation.means",
		"The delegation does not name {means} as a means.",
		"この委任は、手段に{means}を含まない。",
		"Let an officer decide whose delegation names {means}, or send otherwise.",
		"手段に{means}を含む委任を受けた者が決定し、又は他の手段によること。"},

	dutiesOK: {Allow, "",
		"Drafter, release officer and key custodian are three different persons.",
		"起案者、提供担当官及び鍵管理者は、別の者である。",
		"Two of the three in one hand would refuse it.",
		"いずれかの二つを同一の者が兼ねれば、拒否する。"},
	dutiesSame: {Deny, "agreement.duties",
		"One person stands in two of: drafter, release officer, key custodian.",
		"起案者、提供担当官及び鍵管理者のうち二つを同一の者が兼ねている。",
		"Let another person decide.",
		"別の者が決定すること。"},
	dutiesUnknown: {Deny, "agreement.duties",
		"It is not known who drafted it, who releases it or who holds the keys.",
		"起案者、提供担当官又は鍵管理者が明らかでない。",
		"Record all three.",
		"三者を全て記録すること。"},
	dutiesDraft: {NeedsPerson, "agreement.duties",
		"The release officer and the key custodian must be other persons than the drafter; not all are known yet.",
		"提供担当官及び鍵管理者は、起案者と別の者でなければならない。全ては定まっていない。",
		"The recorded decision of another person settles it.",
		"別の者の決定を記録することにより確定する。"},
}
