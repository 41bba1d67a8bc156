package release

import (
	"entente/errs"
	"entente/label"
)

// Severity says what a finding does.
type Severity uint8

// Note is shown and changes nothing; Refuse stops release until the report or sheet is put right.
const (
	Note Severity = iota
	Refuse
)

// Finding is one thing that a reading of a report or sheet found.
type Finding struct {
	Code     errs.Code
	Severity Severity
	Portion  string // id of the portion, or ""
	Line     int    // 1-based line of the file, 0 if none
	Text     label.Text
}

// Refusing reports whether any finding refuses.
func Refusing(f []Finding) bool {
	for i := range f {
		if f[i].Severity == Refuse {
			return true
		}
	}
	return false
}

// refusal turns the first refusing finding into an error.
func refusal(op string, f []Finding) error {
	for i := range f {
		if f[i].Severity == Refuse {
			return &errs.Error{Kind: errs.Refused, Code: f[i].Code, Op: op, Subject: f[i].Portion, Reason: f[i].Text.EN}
		}
	}
	return nil
}

// findingTexts says every finding in both languages. No text quotes the report.
var findingTexts = map[errs.Code]label.Text{
	"release.report.size":        {EN: "The report is empty or larger than 256 KiB.", JA: "報告が空であるか、256 KiBを超えている。"},
	"release.report.structure":   {EN: "The line is not part of a report of this shape.", JA: "報告の様式にない行である。"},
	"release.report.exercise":    {EN: "An exercise report must open and close with the exercise line, and a live one must not have it.", JA: "演習の報告は演習の行で始まり演習の行で終わること。実任務の報告に演習の行があってはならない。"},
	"release.report.empty":       {EN: "The report has no paragraph.", JA: "項がない。"},
	"release.report.long":        {EN: "The report has too many paragraphs.", JA: "項が多すぎる。"},
	"release.text.empty":         {EN: "The text is empty.", JA: "本文が空である。"},
	"release.text.long":          {EN: "The text is too long.", JA: "本文が長すぎる。"},
	"release.text.encoding":      {EN: "The text is not UTF-8.", JA: "UTF-8ではない。"},
	"release.text.normalisation": {EN: "The text is not in Unicode normal form C.", JA: "Unicode正規化形式Cではない。"},
	"release.text.character":     {EN: "The text has a control, invisible or direction-changing character.", JA: "制御文字、不可視文字または文字方向を変える文字がある。"},
	"release.text.space":         {EN: "The text begins or ends with a space.", JA: "前後に空白がある。"},
	"release.text.reference":     {EN: "The text names a paragraph by its number; paragraphs are numbered anew for release.", JA: "項番号で他の項を指している。提供版では番号を付け直す。"},
	"release.header.missing":     {EN: "A header field is missing.", JA: "標題部の欄が欠けている。"},
	"release.header.duplicate":   {EN: "A header field stands twice.", JA: "標題部の欄が重複している。"},
	"release.header.unknown":     {EN: "The header field is not known.", JA: "標題部に未知の欄がある。"},
	"release.header.unmarked":    {EN: "Header fields carry no mark. None of them travels: title, grading and times are written anew in the release sheet.", JA: "標題部の欄には秘区分の表示がない。いずれも提供されない。件名、評価および日時は提供票に新たに書く。"},
	"release.type":               {EN: "The type of report is not known.", JA: "報告の種別が未知である。"},
	"release.serial":             {EN: "The serial is not of the form ENT-EX-NZL-0001 of its originator.", JA: "番号が発信国のENT-EX-JPN-0001の形ではない。"},
	"release.dtg":                {EN: "The date-time group is not of the form 170145Z DEC 19, or the date does not exist.", JA: "日時群が170145Z DEC 19の形でないか、存在しない日付である。"},
	"release.precedence":         {EN: "The precedence is not FLASH, IMMEDIATE, PRIORITY or ROUTINE.", JA: "優先度がFLASH、IMMEDIATE、PRIORITY、ROUTINEのいずれでもない。"},
	"release.language":           {EN: "The language is not en or ja.", JA: "言語がenまたはjaではない。"},
	"release.event.form":         {EN: "The event reference is malformed, stands twice, or is one too many.", JA: "参照事象の形が誤っているか、重複しているか、多すぎる。"},
	"release.event.unknown":      {EN: "The event reference is not known here.", JA: "参照事象が当方の記録にない。"},
	"release.portion.unmarked":   {EN: "The paragraph has no mark. Nothing is released from a report with an unmarked paragraph.", JA: "秘区分の表示がない項がある。表示のない項を含む報告からは何も提供しない。"},
	"release.portion.order":      {EN: "The paragraph numbers are not 1, 2, 3 without a gap.", JA: "項番号が1から順に連続していない。"},
	"release.portion.mark":       {EN: "The mark cannot be read.", JA: "秘区分の表示を読み取れない。"},
	"label.mark.word":            {EN: "The mark has a word that the policy does not know: no such level or designation.", JA: "当該方針にない区分または指定が表示されている。"},
	"label.contradiction":        {EN: "The mark contradicts itself.", JA: "表示が相互に矛盾している。"},
	"label.mark.release":         {EN: "The release list of the mark is malformed.", JA: "提供先の表示の形が正しくない。"},
	"label.release":              {EN: "The release list of the mark is not valid.", JA: "提供先の表示が正しくない。"},
	"release.banner.unreadable":  {EN: "The overall marking cannot be read.", JA: "全体区分を読み取れない。"},
	"release.banner.low":         {EN: "The overall marking is lower or wider than its paragraphs taken together.", JA: "全体区分が、各項を合わせた区分より低いか、提供先が広い。"},
	"release.banner.high":        {EN: "The overall marking is higher or narrower than its paragraphs taken together, with no reason given.", JA: "全体区分が、各項を合わせた区分より高いか、提供先が狭いが、理由が示されていない。"},
	"release.tearline.claim":     {EN: "The tear line does not say to whom the text below it may go.", JA: "切取り線に提供先が書かれていない。"},
	"release.tearline.nested":    {EN: "A tear line opens inside another, or ends where none is open.", JA: "切取り線が入れ子であるか、対応する始まりがない。"},
	"release.tearline.unclosed":  {EN: "A tear line has no end.", JA: "切取り線に終わりがない。"},
	"release.tearline.unmet":     {EN: "A paragraph below the tear line may not go to everyone the tear line names.", JA: "切取り線以下の項に、切取り線が示す提供先へ提供できないものがある。"},
	"release.sheet.other":        {EN: "The release sheet is for another report, or for other bytes of this one.", JA: "提供票が別の報告、または異なる版の報告のものである。"},
	"release.sheet.recipient":    {EN: "The release sheet is for another recipient.", JA: "提供票の提供先が異なる。"},
	"release.sheet.purpose":      {EN: "The release sheet is for another purpose.", JA: "提供票の目的が異なる。"},
	"release.sheet.portion":      {EN: "The release sheet names a portion that does not exist.", JA: "提供票が存在しない項を指している。"},
	"release.sheet.quotes":       {EN: "The text repeats the words of a withheld portion that the recipient may not have. Write it anew.", JA: "提供先に示せない項の文言をそのまま繰り返している。書き直すこと。"},
	"release.sheet.repeats":      {EN: "The text repeats the words of a portion that is withheld only because the agreement has no row for it.", JA: "協定に対応する区分がないために示せない項の文言を繰り返している。"},
	"release.gist.lowered":       {EN: "The gist is marked below a portion it is written from. The originator's mark decides; check it.", JA: "要旨の区分が元の項より低い。発信者の表示によるが、確認を要する。"},
	"release.gist.lifted":        {EN: "The gist is written from a portion that the recipient may not have. The originator's mark decides; check it.", JA: "提供先に示せない項から書かれた要旨である。発信者の表示によるが、確認を要する。"},
	"release.title.withheld":     {EN: "The title may not go to the recipient.", JA: "件名を提供先に示せない。"},
	"release.empty":              {EN: "Nothing of the report can be shown to the recipient.", JA: "提供先に示せる項がない。"},
	"release.header.withheld":    {EN: "Header field: never travels.", JA: "標題部の欄は提供しない。"},
	"release.travels-with":       {EN: "May be shown only together with another portion, and that one cannot be shown.", JA: "他の項と併せてのみ示すことができるが、その項を示せない。"},
	"release.decision.deny":      {EN: "The agreement does not allow it.", JA: "協定上、提供できない。"},
}

func finding(code errs.Code, sev Severity, portion string, line int) Finding {
	t, ok := findingTexts[code]
	if !ok {
		t = label.Text{EN: string(code), JA: string(code)}
	}
	return Finding{Code: code, Severity: sev, Portion: portion, Line: line, Text: t}
}
