package office

import "entente/internal/api"

// Register puts every operation on the operator interface.
func (o *Office) Register(m *api.Mux) {
	api.Handle(m, "status", o.Status)
	api.Handle(m, "doctor", o.Doctor)
	api.Handle(m, "rebuild", o.Rebuild)
	api.Handle(m, "staff.load", o.LoadStaff)
	api.Handle(m, "staff.list", o.ListStaff)
	api.Handle(m, "pair.card", o.PairCard)
	api.Handle(m, "pair.add", o.PairAdd)
	api.Handle(m, "pair.confirm", o.PairConfirm)
	api.Handle(m, "agreement.list", o.ListAgreements)
	api.Handle(m, "agreement.prepare", o.PrepareAgreement)
	api.Handle(m, "agreement.signed", o.NoteSigned)
	api.Handle(m, "agreement.load", o.LoadAgreement)
	api.Handle(m, "report.check", o.CheckReport)
	api.Handle(m, "release.propose", o.Propose)
	api.Handle(m, "release.show", o.ShowRelease)
	api.Handle(m, "release.approve", o.Approve)
	api.Handle(m, "release.stop", o.Stop)
	api.Handle(m, "release.list", o.ListReleases)
	api.Handle(m, "registry.queue", o.Queue)
	api.Handle(m, "registry.accept", o.Accept)
	api.Handle(m, "registry.list", o.ListRegister)
	api.Handle(m, "open", o.Open)
	api.Handle(m, "journal.show", o.ShowJournal)
	api.Handle(m, "journal.proof", o.Proof)
	api.Handle(m, "journal.export", o.Export)
	api.Handle(m, "bundle.pack", o.PackBundle)
	api.Handle(m, "bundle.open", o.OpenBundle)
	api.Handle(m, "sync", o.Sync)
}
