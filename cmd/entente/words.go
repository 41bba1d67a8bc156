package main

// words are the stable words of states and outcomes as a Japanese reader sees them. JSON keeps the English ones.
var words = map[string]string{
	// agreements
	"unsigned": "署名なし", "signed-by-one": "一方のみ署名", "signed": "署名済み・未発効", "in-force": "発効中", "ended": "終了",
	// releases
	"proposed": "提案済み", "approved": "承認済み", "stopped": "中止", "dispatched": "送達済み", "witnessed": "副署済み", "held": "到着確認済み",
	"registered": "登録済み", "quarantined": "隔離", "queued": "受付待ち",
	// decisions and findings
	"allow": "可", "deny": "不可", "needs-person": "要判断", "refuse": "不可", "note": "注意", "done": "実施", "refused": "拒否",
	// roles
	"author": "起案者", "reader": "閲覧者", "release-officer": "提供担当官", "registry-officer": "登録担当官", "auditor": "監査人", "key-custodian": "鍵管理者",
	// journals
	"channel": "チャネル", "national": "国内", "admin": "管理",
	// checks
	"ok": "正常", "warning": "注意", "failure": "異常", "ready": "可",
	// kinds of failure
	"internal": "内部エラー", "invalid": "形式不正", "not-found": "該当なし", "conflict": "矛盾", "withheld": "不開示", "unavailable": "実行不能",
	"quota": "上限超過", "integrity": "不一致", "fatal": "停止", "usage": "指定誤り",
}

// word is a stable word in the person's language.
func (a *app) word(en string) string {
	if ja, ok := words[en]; ok && a.flags.Lang == "ja" {
		return ja
	}
	return en
}

// lines picks the sentences of the person's language.
func (a *app) lines(en, ja []string) []string {
	if a.flags.Lang == "ja" && len(ja) == len(en) {
		return ja
	}
	return en
}
