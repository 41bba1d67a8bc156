package api

import "strings"

// words is how a failure is said at this edge: why and what to do where the error itself does not say it, and everything in
// Japanese.
type words struct {
	next          string // English; used where the error names no next step
	jaWhy, jaNext string // "{next}" in jaNext is the English next step: commands and ids are the same in both languages
	detail        bool   // the English reason holds particulars that the Japanese one does not: show it beside
}

// In returns f in the words of a language, "en" or "ja", with a next step in any case. With "ja", Reason and Next are Japanese;
// the English reason moves to Cause where it says more.
func (f Failure) In(lang string) Failure {
	w, k := byCode(f.Code), byKind[f.Kind]
	if f.Next == "" {
		f.Next = first(w.next, k.next)
	}
	if f.Reason == "" && f.Cause == "" {
		f.Reason = whyOf[f.Kind]
	}
	if lang != "ja" {
		f.ReasonJA, f.NextJA = "", ""
		return f
	}
	if f.ReasonJA != "" {
		f.Reason, f.Next = f.ReasonJA, first(f.NextJA, strings.ReplaceAll(first(w.jaNext, k.jaNext), "{next}", f.Next))
		f.ReasonJA, f.NextJA = "", ""
		return f
	}
	if w.jaWhy == "" {
		w.jaWhy, w.detail = k.jaWhy, true
	}
	detail := ""
	if w.detail && f.Reason != "" {
		detail = f.Reason
	}
	f.Reason, f.Next = w.jaWhy, strings.ReplaceAll(first(w.jaNext, k.jaNext), "{next}", f.Next)
	f.Cause = strings.Trim(detail+"; "+f.Cause, "; ")
	return f
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// byCode finds the words of a code, or of the longest part of it that has any: what holds for "exchange.bundle" holds for all of it.
func byCode(code string) words {
	for code != "" {
		if w, ok := sentences[code]; ok {
			return w
		}
		code = code[:max(strings.LastIndexByte(code, '.'), 0)]
	}
	return words{}
}

// whyOf is why, in English, where an error has neither reason nor cause.
var whyOf = map[string]string{
	"internal": "this program is at fault", "invalid": "it is malformed", "refused": "the rule says no", "not-found": "there is no such thing here",
	"conflict": "it contradicts what is recorded", "withheld": "it is deliberately not shown", "unavailable": "it cannot be done now",
	"quota": "a limit both parties signed is reached", "integrity": "the bytes do not match what was signed or recorded",
	"fatal": "durable storage failed; the node stops", "usage": "the command line is wrong",
}

var byKind = map[string]words{
	"internal":    {"this is a defect of the program: nothing was done. Report the code and the version", "プログラムの不具合である。何も行われていない。", "符号(コード)とバージョンを添えて報告すること。", true},
	"invalid":     {"correct what was given and try again", "入力の形式が正しくない。", "入力を訂正して再度実行すること。", true},
	"refused":     {"ask those whom the rule names; the refusal is in the national journal", "規則により拒否した。", "根拠に示す規則の権限者に照会すること。拒否は国内日誌に記録済み。", true},
	"not-found":   {"check the name", "該当するものがない。", "名称又は番号を確認すること。", true},
	"conflict":    {"look at what is recorded before trying again", "既に記録された内容と矛盾する。", "記録を確認してから再度実行すること。", true},
	"withheld":    {"ask the registry officer", "存在するが、示さない。", "登録担当官に照会すること。", true},
	"unavailable": {"nothing was done: try again", "現在は実行できない。何も行われていない。", "時間をおいて再度実行すること。", true},
	"quota":       {"wait, or agree on other limits with the partner", "両当事者が定めた上限に達した。", "待つか、相手と上限を改めること。", true},
	"integrity":   {"keep the bytes as they are, use nothing of them, and tell whoever gave them", "署名又は記録された内容と一致しない。", "データをそのまま保存し、使用せず、提供元に知らせること。", true},
	"fatal":       {"stop, examine the disk, and start again: what was acknowledged is read back", "記憶装置への書込みに失敗した。ノードは停止する。", "停止し、記憶装置を調べてから再起動すること。確認済みのものは失われない。", true},
	"usage":       {"see entente --help", "コマンドの指定が正しくない。", "entente --help を参照すること。", true},
}

// sentences are the words of codes. A code that is not here is said in the words of its kind, with its English reason.
var sentences = map[string]words{
	"agreement.author":               {"", "協定に定める当局又は装置ではない。", "協定が指定する当局から行うこと。", true},
	"agreement.ceiling":              {"", "協定に定める秘区分の上限を超える。", "上限以下の部分のみを提供すること。", false},
	"agreement.choice":               {"", "対応する表示が複数あり、職員による選択を要する。", "登録担当官が選択すること。", false},
	"agreement.contradiction":        {"", "協定の定めに矛盾がある。", "示された行を訂正し、双方が署名し直すこと。", true},
	"agreement.delegation.holder":    {"", "委任は、別の者に対するものである。", "委任を受けた職が行うこと。", false},
	"agreement.delegation.lapsed":    {"", "委任の有効期間外である。", "権限のある当局が新たな委任を与えること。", true},
	"agreement.delegation.means":     {"", "委任は、この伝達手段に及ばない。", "委任に定める手段によること。", false},
	"agreement.delegation.missing":   {"", "委任が示されていない。委任のない者は決定できない。", "委任を受けた提供担当官が決定すること。", false},
	"agreement.delegation.narrow":    {"", "委任の範囲を超える秘区分又は指定である。", "より広い委任を受けた担当官が決定すること。", true},
	"agreement.delegation.recipient": {"", "委任は、この提供先に及ばない。", "この提供先を含む委任を受けた担当官が決定すること。", false},
	"agreement.delegation.role":      {"", "委任は、別の役割に対するものである。", "当該役割の委任を受けた職が行うこと。", false},
	"agreement.designation":          {"", "この指定が付された情報は、協定に基づき提供できない。", "指定を受けない部分のみを提供すること。", true},
	"agreement.duties":               {"", "起案、提供の決定及び鍵の管理は、それぞれ別の者が行わなければならない。", "起案者でも鍵管理者でもない提供担当官が決定すること。", false},
	"agreement.ended":                {"", "協定は終了している。新たな提供は行わない。", "協定を更新すること。保有する情報に関する義務は存続する。", true},
	"agreement.label":                {"", "表示が読み取れないか、協定の対象でない。", "表示を訂正すること。", true},
	"agreement.means":                {"", "協定に定めのない伝達手段である。", "協定に定める手段によること。", false},
	"agreement.national-only":        {"", "国内限りの情報である。", "提供しない。", false},
	"agreement.none":                 {"", "この相手との協定が登録されていない。", "発効した協定なしに交換はできない。entente agreement load で登録すること。", false},
	"agreement.not-in-force":         {"", "協定は発効していない。", "未設定の定めを補うか、発効日を待つこと。それまで新たな提供はできない。", true},
	"agreement.package":              {"ask for a fresh package", "協定の署名済み文書の形が正しくない。", "相手に新しい文書を求めること。", true},
	"agreement.purpose":              {"", "協定に列挙された利用目的ではない。", "列挙された目的のいずれかによること。", false},
	"agreement.release-set":          {"", "表示において提供先とされていない当事者である。", "提供先を広げられるのは作成元のみである。", false},
	"agreement.root":                 {"", "署名したルート鍵は、協定に記されたものではない。", "接続確認を行った後、entente agreement prepare で双方の指紋を記入すること。", false},
	"agreement.rootkey":              {"name the root key file with --root-key", "鍵ファイルにルート鍵がない。", "--root-key でルート鍵ファイルを指定すること。", false},
	"agreement.row":                  {"", "この秘区分に対応する定めが協定にない。", "協定に対応の行を加えるまで提供できない。", true},
	"agreement.signature":            {"", "協定の署名を検証できない。", "署名した当事者に確認すること。", true},
	"agreement.signed-by-one":        {"", "全ての当事者が署名していないため、拘束力を生じない。", "残る当事者が署名すること。それまで新たな提供はできない。", false},
	"agreement.syntax":               {"correct the line and check the file again: entente agreement check FILE", "協定の文書の書式が正しくない。", "示された行を訂正し、entente agreement check で再度確認すること。", true},
	"agreement.third-party":          {"", "自らが作成元でない情報である。作成元の書面による同意を要する。", "作成元の同意を得ること。", false},
	"agreement.unset":                {"", "未設定の定めがある。これに依拠するものは全て拒否する。", "定めを設定し、全ての当事者が新たな文書に署名すること。", true},
	"agreement.unsigned":             {"", "この文書には署名がない。", "各当事者のルート鍵で署名すること。entente agreement sign", false},
	"agreement":                      {"correct the agreement's text and check it again: entente agreement check FILE", "協定の文書に不備がある。", "文書を訂正し、entente agreement check で再度確認すること。", true},
	"api.interrupted":                {"", "ノードが応答前に停止した。操作は全部行われたか、全く行われていないかのいずれかである。", "ノードを起動し、行われたかどうかを確かめてから再度実行すること。", false},
	"api.unreachable":                {"", "ノードに接続できない。", "ノードが動いているか確認すること。entente serve", false},
	"channel.frozen":                 {"", "このチャネルの日誌に自己矛盾があったため、提供を凍結している。", "証拠を相手に示すこと。双方のルート鍵が署名した新たな期により解除する。", false},
	"channel.readers":                {"", "このノードは、現在この協定に基づいて行為する二つの装置の一つではない。", "両当事者が装置を通知すること。", false},
	"channel.realm":                  {"", "協定の領域(実運用・演習)が、このノードのものと異なる。", "同じ領域のノードに登録すること。", true},
	"channel.statement.closed":       {"", "協定の列挙にない通知であるか、証明が足りない。", "送付できる通知は協定に列挙されている。変更には双方の合意を要する。", false},
	"cli.file":                       {"check the path", "ファイルを読み書きできない。", "パスを確認すること。既存のファイルには上書きしない。", true},
	"cli.file.size":                  {"check that this is the right file", "ファイルが大きすぎる。", "正しいファイルか確認すること。", true},
	"cli.passphrase":                 {"set ENTENTE_PASSPHRASE_FILE or pass --passphrase-file", "パスフレーズを読み取れない。", "ENTENTE_PASSPHRASE_FILE 又は --passphrase-file で指定すること。", true},
	"cli.usage":                      {"", "コマンドの指定が正しくない。", "{next} を参照すること。", true},
	"clock.set-back":                 {"", "機械の時計が、既に記録した時刻より前を指している。", "時計を合わせること。それまで表示される期限は誤っている。", false},
	"custody.access":                 {"", "閲覧の要件を満たしていない。", "登録担当官又は提供担当官に照会すること。", true},
	"custody.ceiling":                {"", "このノードの領域の上限を超えるため、隔離した。", "上限を超える情報を扱える領域で受領すること。", false},
	"custody.choice.required":        {"", "対応する表示が複数ある。選択できるのは職員のみである。", "--marking でいずれか一つを指定すること({next})。", false},
	"custody.content.missing":        {"wait until the content arrives", "内容が到着していない。", "到着を待つこと。", false},
	"custody.contents":               {"", "内容が送り状と一致しない。", "登録せず隔離し、作成元に通知すること。", false},
	"custody.control.unknown":        {"", "この登録簿にない管理番号である。", "entente registry list を参照すること。", false},
	"custody.control":                {"", "管理番号が、この登録簿又は年のものでない。", "時計と登録簿を確認すること。", true},
	"custody.delegation":             {"", "登録担当官の委任がこの表示に及ばない。", "この表示を含む委任を受けた担当官が接受すること。", false},
	"custody.gone":                   {"", "内容は、もう保有していない。", "登録及び受領の記録は残る。entente registry list", false},
	"custody.holder":                 {"", "この職は、閲覧者ではない。", "閲覧者の職に渡すこと。", false},
	"custody.marking":                {"", "協定は、この情報にこの表示を認めていない。", "協定が認める表示から選ぶこと({next})。", false},
	"custody.state":                  {"", "この品目は、受付待ちではない。", "entente registry queue を参照すること。", true},
	"custody.unknown":                {"", "受付待ちに該当する番号がない。", "entente registry queue を参照すること。", false},
	"custody":                        {"look at the register: entente registry list", "登録の規則に反する。", "登録簿を確認すること。entente registry list", true},
	"evidence.national":              {"", "国内日誌は、外に出さない。", "その場で検証すること。entente verify DIR", false},
	"evidence.nothing":               {"", "この案件では、まだ何も送付していない。", "先に送達すること。", false},
	"evidence.index":                 {"", "日誌に該当する番号がない。", "entente journal show を参照すること。", false},
	"evidence.unwitnessed":           {"", "相手の副署がまだない。", "先に相手と交換すること。entente sync", false},
	"evidence":                       {"ask the exporter for a fresh evidence file", "証拠ファイルの形が正しくないか、内容が一致しない。", "作成者に新しい証拠ファイルを求めること。", true},
	"exchange.bundle.oversized":      {"ask the partner to send it in parts", "送達物が大きすぎる。", "分割して送るよう相手に求めること。", false},
	"exchange.bundle.truncated":      {"copy the file again from its medium, or ask the partner to pack it again", "送達物が途中で切れている。", "媒体から写し直すか、相手に作り直しを求めること。", false},
	"exchange.bundle.mac":            {"copy the file again from its medium; if it is refused again, tell the partner: somebody changed it", "送達物の認証に失敗した。途中で変化したか、別の相手のものである。", "媒体から写し直すこと。再び拒否されたときは、改変のおそれがあるため相手に知らせること。", false},
	"exchange.bundle.key":            {"ask the partner to seal it again to the present key", "このノードの鍵で封じられていない。", "現在の鍵で封じ直すよう相手に求めること。", false},
	"exchange.bundle.epoch":          {"exchange the new key statements with the partner first", "別の期のものである。", "先に相手と新しい鍵の通知を交換すること。", false},
	"exchange.bundle":                {"ask the partner to pack it again; nothing of it was used", "送達物の形が正しくない。", "相手に作り直しを求めること。何も使用していない。", true},
	"exchange.body":                  {"ask the partner to send it again; the leaf is kept as it is", "内容が、日誌の約定と一致しない。", "相手に再送を求めること。日誌の葉はそのまま保存している。", false},
	"exchange.epoch":                 {"exchange the new key statements with the partner first", "古い期又は不明な期のものである。", "先に相手と新しい鍵の通知を交換すること。", true},
	"exchange.equivocation":          {"keep the evidence and speak to the partner; releases on this channel are frozen", "相手の日誌に自己矛盾がある。", "証拠を保存し、相手に照会すること。提供は凍結している。", false},
	"exchange.gap":                   {"ask the partner for what lies between: it sends again from what this node has", "間が欠けている。", "間にあるものの送付を相手に求めること。", false},
	"exchange.own-head-ahead":        {"do not continue on this copy: the partner saw this node sign more than it remembers. Find the newest database", "このノードは、記憶している以上のものに署名している。", "この複製での運用を中止し、最新のデータベースを探すこと。", false},
	"exchange.cosignature":           {"a receipt for something else than is here: see whether this database is the newest", "副署が、ここにある日誌と合わない。", "このデータベースが最新か確認すること。", true},
	"exchange.held":                  {"a receipt for something else than is here: see whether this database is the newest", "保持の受領書が、ここにある日誌と合わない。", "このデータベースが最新か確認すること。", true},
	"exchange.quota":                 {"", "両当事者が定めた数量の上限を超える。保存も確認もしていない。", "待つか、相手と上限を改めること。", false},
	"exchange":                       {"ask the partner to send it again; nothing of it was used", "相手からの送達物が規則に反する。", "相手に再送を求めること。何も使用していない。", true},
	"guard":                          {"do not release it; have the originator look at the portion named", "第二検査が最終の内容を認めなかった。", "提供せず、示された部分を作成元が確認すること。", true},
	"identity.custodian":             {"", "鍵管理者がいない。", "鍵管理者の職を記した職員表を登録すること。", false},
	"identity.missing":               {"", "行為者の指定がない。", "--post で職を指定すること。", false},
	"identity.role":                  {"", "この職には、当該役割がない。", "役割を有する職が行うこと。entente staff list を参照。", true},
	"identity.staff":                 {"", "職員表の記載が正しくない。", "職員表を訂正し、再度登録すること。", true},
	"identity.unknown":               {"", "このノードに該当する職がない。", "entente staff list を参照すること。", false},
	"journal.export":                 {"", "この日誌には、まだ署名された区切りがない。", "先に相手と交換すること。entente sync", false},
	"journal":                        {"keep the bytes, use nothing of them, and show them to the author", "日誌の署名又は証明を検証できない。", "データを保存し、使用せず、作成者に示すこと。", true},
	"label":                          {"correct the marking; see the policy's levels and designations", "表示が正しくない。", "国の標記規則に従って表示を訂正すること。", true},
	"link.card":                      {"", "カードの内容が鍵の通知と矛盾する。", "相手に新しいカードを求めること。", false},
	"link.channel":                   {"", "該当するチャネルが一つに定まらない。", "entente status で確認し、--channel で指定すること。", false},
	"link.nothing":                   {"there is nothing to do; pack again after the next act", "相手は全てを確認済みであり、運ぶものがない。", "次の行為の後に改めて作成すること。", false},
	"link.partner":                   {"", "この相手のカードが登録されていない。", "先に相手のカードを読み込むこと。entente pair add", false},
	"link.realm":                     {"", "カードの領域(実運用・演習)が、このノードのものと異なる。", "同じ領域のノードと接続すること。", true},
	"link.root":                      {"", "この相手とは、別のルート鍵で接続済みである。", "ルート鍵の変更には、双方の鍵管理者による接続確認と新たな協定を要する。", false},
	"link.self":                      {"read the card of the partner", "自国のカードである。", "相手のカードを読み込むこと。", false},
	"link.unknown":                   {"", "このノードのいずれのチャネルのものでもない。未接続の相手、別のチャネル又は別の領域のものである。", "相手と接続し協定を登録するか、どのチャネルのものか相手に確認すること。", false},
	"link.unpaired":                  {"", "協定に記された相手と、そのルート鍵で接続確認をしていない。", "先に接続確認を行うこと。entente pair add、entente pair confirm", false},
	"link.words":                     {"", "このルート鍵の組の語ではない。", "読み直すこと。それでも異なるときは途中でカードがすり替えられている。接続してはならない。", false},
	"link":                           {"exchange again; nothing was used in part", "相手との交換に失敗した。", "改めて交換すること。", true},
	"node.ceiling":                   {"", "このノードの領域の上限を超える。", "当該秘区分を扱える領域で取り扱うこと。", false},
	"node.ceiling.level":             {"", "上限として指定された区分は、自国の規則にない。", "自国の区分の識別子を指定すること。", true},
	"node.exists":                    {"", "このディレクトリには既にノードがある。", "空のディレクトリを選ぶこと。鍵を二度作ることはない。", false},
	"node.kdf":                       {"", "実運用の鍵を守るには反復回数が少なすぎる。", "反復回数の指定を省くこと。", false},
	"node.keys":                      {"", "ノードの鍵を読み取れない。", "keys ディレクトリを控えから戻すこと。", true},
	"node.listen":                    {"", "受付アドレスを開けない。", "別のプロセスが使用していないか確認し、node.toml の listen を変更すること。", true},
	"node.missing":                   {"", "ノードのディレクトリではない。", "--dir 又は ENTENTE_DIR で指定するか、entente init で作成すること。", false},
	"node.passphrase":                {"", "ルート鍵とノードのパスフレーズが同じである。", "ルート鍵は鍵管理者のみのものである。別のパスフレーズを付すこと。", false},
	"node.policy":                    {"", "この当事者の標記規則が登録されていない。", "この版には、日本及びニュージーランドの演習用規則のみが含まれる。", false},
	"node.realm.policy":              {"", "演習用の標記規則は、演習の領域でのみ使用できる。", "領域 exercise:<名称> を指定すること。実運用の規則はこの版に含まれない。", false},
	"node.settings":                  {"", "node.toml の記載が正しくない。", "node.toml を訂正すること。", true},
	"party.duties":                   {"", "一人の者が兼ねることのできない役割である。", "いずれかの役割を別の者に与えること。", true},
	"party":                          {"a party is written NZL, an authority NZL/nzdf, an author NZL/nzdf/node-1, a realm live or exercise:NAME", "当事者、当局、装置又は領域の書き方が正しくない。", "NZL、NZL/nzdf、NZL/nzdf/node-1、exercise:名称 のように書くこと。", true},
	"peer.address":                   {"", "相手のアドレスが登録されていない。", "--address を付してカードを読み込み直すか、ファイルで運ぶこと。entente bundle pack", false},
	"peer.unreachable":               {"", "相手に接続できない。", "失われたものはない。自動的に再送する。ファイルで運ぶこともできる。", false},
	"peer":                           {"check the partner's pairing and address; nothing is lost", "相手のノードとの通信に失敗した。", "接続の登録を確認すること。失われたものはない。", true},
	"release.approve.changed":        {"", "提案の後に判定が変わった。", "改めて提案すること。", false},
	"release.portion.unmarked":       {"mark the portion", "標記のない部分がある。", "その部分に標記を付すこと。", true},
	"release.sheet.missing":          {"", "報告に提供票が付いていない。標題とその標記、利用目的、共に示すべき部分を記す。", "提供票を作成すること。doc/overview.md を参照。", false},
	"release.sheet":                  {"correct the release sheet and check the report again", "提供票の記載が正しくない。", "提供票を訂正し、改めて確認すること。", true},
	"release.state":                  {"", "提供案件の状態が、この操作を許さない。", "entente release list で状態を確認すること。", true},
	"release.unknown":                {"", "該当する提供案件がない。", "entente release list を参照すること。", false},
	"release":                        {"correct the report and check it again: entente report check", "報告が規則に反する。", "報告を訂正し、改めて確認すること。entente report check", true},
	"seal.keyfile.passphrase":        {"give the passphrase of this key file", "パスフレーズが鍵ファイルのものと一致しない。", "この鍵ファイルのパスフレーズを指定すること。", false},
	"seal.keyfile.realm":             {"use the key file of this realm", "鍵ファイルの領域が異なる。", "この領域の鍵ファイルを使用すること。", false},
	"seal.keyfile":                   {"restore the key file from its backup", "鍵ファイルを読み取れない。", "鍵ファイルを控えから戻すこと。", true},
	"seal":                           {"use nothing of it, and ask the partner for a fresh one", "封印又は署名を検証できない。", "使用せず、相手に作り直しを求めること。", true},
	"store.disk-full":                {"", "ディスクに空きがない。何も行われていない。", "空きを作り、再度実行すること。", false},
	"store.fsync":                    {"", "書込み又は同期に失敗した。ディスクの内容は不明である。", "停止し、ディスクを調べてから再起動すること。確認済みのものは失われない。", false},
	"store.journal.unknown":          {"list the journals: entente journal show", "該当する日誌がない。", "entente journal show で一覧を確認すること。", false},
	"store.leaf.unknown":             {"see how long it is: entente journal show", "日誌に該当する番号がない。", "entente journal show で件数を確認すること。", false},
	"store.locked":                   {"", "別のプロセスがこのディレクトリを使用している。", "先に停止すること。同じ鍵の二つのノードは互いに矛盾する。", false},
	"store.marker":                   {"", "データベースが、このノードの署名したものより古い。署名を停止している。", "この複製での運用を中止し、最新のデータベースを探すこと。なければ、双方のルート鍵が署名した新たな期による。", false},
	"store.missing":                  {"check the path", "このディレクトリにデータベースがない。", "パスを確認すること。", false},
	"store.rebuild":                  {"keep a copy of the directory, and compare with the partner: entente verify DIR", "派生した内容が、記録から導かれるものと一致しない。", "ディレクトリの写しを保存し、entente verify で検証すること。", true},
	"store.realm":                    {"use the directory of this realm", "データベースの領域が異なる。", "この領域のディレクトリを使用すること。", false},
	"store.version":                  {"use the program that wrote it, or a later one", "データベースが、この版より新しい。", "書き込んだ版以降のプログラムを使用すること。", false},
	"verify":                         {"keep the directory as it is and show it to the partner", "記録が、署名された内容と一致しない。", "ディレクトリをそのまま保存し、相手に示すこと。", true},
	"wire":                           {"ask for a fresh file; nothing of it was used", "データの形式が正しくない。", "新しいファイルを求めること。何も使用していない。", true},
}
